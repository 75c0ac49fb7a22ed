from certwright.reconcile.remembering import KEPT, remember


class Value:
    """Has no hash worth using, as a subject that holds dictionaries."""

    __hash__ = None  # type: ignore[assignment]


def test_remember_reads_once_when_asked_again_about_the_same_value() -> None:
    asked: list[tuple[object, ...]] = []

    @remember
    def read(*told: object) -> int:
        asked.append(told)
        return len(asked)

    value = Value()
    assert [read(value), read(value)] == [1, 1]
    assert [read(value, "shop"), read(value, "other"), read(value, "shop")] == [2, 3, 2]
    assert len(asked) == 3


def test_remember_tells_values_apart_when_they_are_equal() -> None:
    answers = remember(list)
    one, other = ["a"], ["a"]
    assert answers(one) == answers(other) == ["a"]
    assert answers(one) is not answers(other)


def test_remember_lets_the_oldest_go_when_there_are_many() -> None:
    asked: list[object] = []
    read = remember(asked.append)
    values = [Value() for _ in range(KEPT + 1)]
    for value in values:
        read(value)
    read(values[-1])
    assert len(asked) == KEPT + 1
    read(values[0])
    assert len(asked) == KEPT + 2
