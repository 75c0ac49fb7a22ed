"""What waits for an instant: keys with a due time, the pace of their release, and growing delays after failures.

Pure data, as `certwright.runtime.queue` is: instants are numbers of seconds on whatever clock the caller keeps to.
"""

from __future__ import annotations

import heapq
from random import Random

from certwright.reconcile.objects import ObjectKey

STALE_ENTRIES = 64

ROUNDING = 1e-6
"""What sums of fractions may lack of a whole key."""


class Delays:
    """Keys that become due; one instant for each key, the one set last."""

    def __init__(self) -> None:
        self._due: dict[ObjectKey, float] = {}
        self._heap: list[tuple[float, ObjectKey]] = []

    def __len__(self) -> int:
        """Count the keys that are not due yet."""
        return len(self._due)

    def set(self, key: ObjectKey, at: float) -> None:
        """Make the key due at `at` and at no other time."""
        if self._due.get(key) == at:
            return
        self._due[key] = at
        heapq.heappush(self._heap, (at, key))
        # An entry whose key was set anew is skipped when it surfaces; when most are like that, none of them is kept.
        if len(self._heap) > 2 * len(self._due) + STALE_ENTRIES:
            self._heap = [(at, key) for key, at in self._due.items()]
            heapq.heapify(self._heap)

    def cancel(self, key: ObjectKey) -> None:
        """Make the key never due."""
        self._due.pop(key, None)

    def get(self, key: ObjectKey) -> float | None:
        """Give the instant at which the key is due."""
        return self._due.get(key)

    def next_due(self) -> float | None:
        """Give the earliest instant; `None` when no key waits."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float, *, limit: int) -> list[ObjectKey]:
        """Hand out at most `limit` keys whose instant has come, earliest first."""
        keys: list[ObjectKey] = []
        while len(keys) < limit:
            due = self.next_due()
            if due is None or due > now:
                break
            _, key = heapq.heappop(self._heap)
            del self._due[key]
            keys.append(key)
        return keys


class Pace:
    """How many keys may be released now, so that thousands due at one instant do not arrive as a wall.

    Args:
        rate: keys in a second; at most a second's worth is released at once.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._burst = max(rate, 1.0)
        self._credit = self._burst
        self._at: float | None = None

    def allowance(self, now: float) -> int:
        """Say how many keys may be released at `now` (seconds of a clock that never goes back)."""
        if self._at is not None:
            self._credit = min(self._burst, self._credit + (now - self._at) * self._rate)
        self._at = now
        return int(self._credit + ROUNDING)

    def spend(self, count: int) -> None:
        """Say that `count` keys were released."""
        self._credit -= count

    def until_next(self) -> float:
        """Give the seconds until one more key may be released."""
        return max(0.0, (1.0 - self._credit) / self._rate)


class BackOff:
    """How long to wait before the next try of a key: doubling, scattered, bounded, forgotten after a success.

    Args:
        first_seconds: about how long to wait after the first failure.
        max_seconds: the longest wait.
        random: scatters the waits over the upper half of each range, lest failures that came together stay together.
    """

    def __init__(self, *, first_seconds: float, max_seconds: float, random: Random) -> None:
        self._first = first_seconds
        self._max = max_seconds
        self._random = random
        self._failures: dict[ObjectKey, int] = {}

    def failed(self, key: ObjectKey) -> float:
        """Count a failure and give the seconds to wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest: float = min(self._max, self._first * 2 ** min(failures, 32))
        return longest * self._random.uniform(0.5, 1.0)

    def failures(self, key: ObjectKey) -> int:
        """Count the failures since the last success."""
        return self._failures.get(key, 0)

    def succeeded(self, key: ObjectKey) -> None:
        """Forget the failures of the key."""
        self._failures.pop(key, None)
