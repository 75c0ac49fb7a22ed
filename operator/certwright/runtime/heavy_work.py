"""Where work is done: on the event loop, or in a worker process when it would keep everything else waiting."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from certwright.cluster.rendering import Recipe, is_heavy, render_recipe
from certwright.findings import ClusterError, FailureCause, MaterialError, Reason
from certwright.pki.key_recipe import KeyRecipe
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.driver import internal_error
from certwright.runtime.processes import Processes, WorkFailedError

logger = logging.getLogger(__name__)

READING = "\x00reading"
RENDERING = "\x00rendering"
MAKING_KEYS = "\x00making keys"
"""In the place of a namespace, for the share of the worker processes: these know of none."""


async def judge_in(processes: Processes, reconciler: Reconciler[Any], snapshot: Snapshot) -> Any:
    """Judge here, or in a worker process when it is heavy; what is cut short there is refused here."""
    if not reconciler.is_heavy(snapshot):
        return reconciler.judge(snapshot)
    try:
        return await processes.run(reconciler.judge, snapshot, namespace=snapshot.subject.key.namespace)
    except MaterialError as error:
        return reconciler.refuse(snapshot, error.finding)
    except WorkFailedError as error:
        logger.error("%s", error, extra={"about": snapshot.subject.key})  # noqa: TRY400 - it holds the trace that counts
        return reconciler.refuse(snapshot, internal_error(error))


async def render_in(
    processes: Processes, recipe: Recipe, stored: Mapping[str, bytes], *, key_seconds: float
) -> dict[str, bytes]:
    """Render here, or in a worker process when it is heavy.

    Args:
        processes: runs it there.
        recipe: what to render.
        stored: what is stored now.
        key_seconds: how long a new key may take; how many primes have to be looked at is a matter of luck.

    Raises:
        MaterialError: it cannot be rendered, or not in time.
        ClusterError: a key was not found in time, which another try may do.
    """
    if not is_heavy(recipe):
        return render_recipe(recipe, stored)
    if not isinstance(recipe, KeyRecipe):
        return await processes.run(render_recipe, recipe, stored, namespace=RENDERING)
    try:
        return await processes.run(render_recipe, recipe, stored, namespace=MAKING_KEYS, seconds=key_seconds)
    except MaterialError as error:
        if error.finding.reason is not Reason.VALIDATION_ERROR:
            raise
        text = f"making the key took longer than {key_seconds:g} s (the operator's setting `key_seconds`)"
        raise ClusterError(FailureCause.INTERNAL, text) from None
