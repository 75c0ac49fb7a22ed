"""An event loop whose time jumps to the next timer when nothing else is left to do: a day passes in a millisecond."""

import asyncio
import selectors


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Never wait: what would be waited for is added to the loop's time."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is left to happen: the test would wait for ever")
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready:
            self.skipped += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Run timers at once and in order; only for what needs no sockets, threads or processes."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Give the time that passed in the story; the processor's own does not count."""
        return self._jumping.skipped
