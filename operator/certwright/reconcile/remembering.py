"""Read once what many steps ask for: the pure steps of a pass are given the same frozen value again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial, wraps
from typing import ParamSpec, TypeVar
from weakref import ref

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V")

KEPT = 128
"""How many answers are kept of each kind: as many as the passes that go on side by side may ask for, and some more."""

FEW = 4
"""How many are kept about what is large and shared by all those passes."""


def remember(read: Callable[P, R]) -> Callable[P, R]:
    """Keep the last answers of a pure function of a frozen value, and of what else it is told.

    The value is told from others by identity, for most hold dictionaries and have no hash. It is kept with the answer,
    so that no other value can take its identity meanwhile.
    """
    return _remember(read, KEPT)


def remember_few(read: Callable[P, R]) -> Callable[P, R]:
    """Keep fewer answers than `remember`: for values that are large themselves, such as whole collections."""
    return _remember(read, FEW)


def _remember(read: Callable[P, R], most: int) -> Callable[P, R]:
    kept: OrderedDict[tuple[Hashable, ...], tuple[object, R]] = OrderedDict()

    @wraps(read)
    def ask(*told: P.args, **more: P.kwargs) -> R:
        value, *rest = told
        place = (id(value), *rest, *more.items())
        held = kept.get(place)
        if held is not None:
            return held[1]
        answer = read(*told, **more)
        kept[place] = (value, answer)
        if len(kept) > most:
            kept.popitem(last=False)
        return answer

    return ask


def remember_as_long_as_it_lives(read: Callable[[V], R]) -> Callable[[V], R]:
    """Keep the answer of a pure function of a frozen value as long as somebody holds the value.

    For what is asked of each of many values again and again: of all decisions of a namespace, in every pass over one of
    them. Who holds the values bounds how many there are.
    """
    kept: dict[int, tuple[ref[V], R]] = {}

    def let_go(place: int, gone: ref[V]) -> None:
        held = kept.get(place)
        if held is not None and held[0] is gone:
            del kept[place]

    @wraps(read)
    def ask(value: V) -> R:
        place = id(value)
        held = kept.get(place)
        if held is not None and held[0]() is value:
            return held[1]
        answer = read(value)
        kept[place] = (ref(value, partial(let_go, place)), answer)
        return answer

    return ask
