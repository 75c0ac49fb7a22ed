"""The reasons of conditions that no finding has: words for a state in which nothing is wrong, or nothing but time."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from certwright.dialects.explanations.explanation import Explanation


class StateWord(StrEnum):
    """One word for a state; `certwright explain WORD` describes each."""

    WAITED_TOO_LONG = "WaitedTooLong"
    """What was waited for did not come."""
    ROLLING_OUT = "RollingOut"
    """What is deployed is on its way to the targets."""
    POLICY_NOT_INSTALLED = "PolicyNotInstalled"
    """Nothing tells who approved."""
    UNTRUSTED = "Untrusted"
    """Not trusted, as wished."""
    DEPLOYED = "Deployed"
    """Every store that selects the decision holds the CA."""
    DEPLOY_PENDING = "DeployPending"
    """A store that selects the decision does not hold the CA yet."""
    DELETE_PENDING = "DeletePending"
    """A store still holds the CA, and is to let it go."""


STATE_WORDS: Mapping[StateWord, Explanation] = MappingProxyType(
    {
        StateWord.WAITED_TOO_LONG: Explanation(
            "Nothing is wrong but time: what was waited for did not come. It is still looked for.",
            (
                "An object that the spec names was never created, or its name is misspelled.",
                "A roll-out does not get on, or the API server keeps refusing a read or a write.",
            ),
            "Look at the condition `Ready` beside it: its reason and message say what is waited for.",
        ),
        StateWord.ROLLING_OUT: Explanation(
            "What the store has deployed is on its way to the targets; `status.rollout` counts them.",
            ("There are many targets, or the API server is slow.",),
            "Wait. When it lasts, `status.targets` names those that are behind, each with what keeps it.",
        ),
        StateWord.POLICY_NOT_INSTALLED: Explanation(
            "The store asks for approval, and nothing tells who approved: whoever may edit it may approve.",
            (
                "The components `audit` and `approval` are not installed.",
                "They were installed after the approval was given.",
            ),
            "Install the components `audit` and `approval`, or use mode `Automatic` if nobody has to approve.",
        ),
        StateWord.UNTRUSTED: Explanation(
            "The CA is not trusted, because the decision says so, or because there is no good verdict on it.",
            ("`trustStateDesired` is `untrusted`.",),
            "Nothing, if that is meant. To trust it, set `trustStateDesired: trusted`.",
        ),
        StateWord.DEPLOYED: Explanation(
            "Every store that selects the decision holds the CA.",
            (),
            "Nothing.",
        ),
        StateWord.DEPLOY_PENDING: Explanation(
            "A store that selects the decision does not hold the CA yet.",
            ("The change waits for approval.", "The store has trouble of its own, or works on it right now."),
            "Look at the stores that the message names; `kubectl certwright approve` shows and approves a change.",
        ),
        StateWord.DELETE_PENDING: Explanation(
            "A store still holds the CA although the decision is being deleted, or is no longer selected.",
            ("The removal waits for approval.", "It would leave the store empty."),
            "Look at the stores that are named. To take the CA out at once, set `trustStateDesired: untrusted`.",
        ),
    }
)
"""Every such word there is."""
