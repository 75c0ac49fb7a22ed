"""What keeps the operator from being ready, each lack in words that say what to do."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


class Readiness:
    """The lacks of the moment, by topic; ready when there is none.

    Args:
        topics: what must be there, each with the words for its lack until its owner says more.
    """

    def __init__(self, topics: dict[str, str]) -> None:
        self._lacks = dict(topics)

    @property
    def is_ready(self) -> bool:
        """Say whether nothing is missing."""
        return not self._lacks

    def lacks(self, topic: str, words: str) -> None:
        """Say that something is missing; logged when the words are new."""
        if self._lacks.get(topic) != words:
            logger.warning("not ready: %s", words, extra={"topic": topic})
        self._lacks[topic] = words

    def has(self, topic: str) -> None:
        """Say that what was missing is there."""
        if self._lacks.pop(topic, None) is not None and self.is_ready:
            logger.info("ready")

    def text(self) -> str:
        """Give one line a lack, or `ok`."""
        return "".join(f"{words}\n" for words in self._lacks.values()) or "ok\n"
