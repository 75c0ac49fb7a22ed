from weakref import ref

from certwright.reconcile.remembering import KEPT, remember, remember_as_long_as_it_lives


class Value:
    """Has no hash worth using, as a subject that holds dictionaries."""

    __hash__ = None  # type: ignore[assignment]
    text = ""


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


def test_answer_is_kept_for_as_many_values_as_are_held() -> None:
    asked: list[int] = []

    @remember_as_long_as_it_lives
    def read(value: Value) -> int:
        asked.append(id(value))
        return len(asked)

    values = [Value() for _ in range(10 * KEPT)]
    first = [read(value) for value in values]
    assert [read(value) for value in values] == first
    assert len(asked) == len(values)


def test_answer_goes_with_its_value() -> None:
    @remember_as_long_as_it_lives
    def read(_: Value) -> Value:
        return Value()

    value = Value()
    answer = ref(read(value))
    assert answer() is not None
    del value
    assert answer() is None


def test_no_value_gets_the_answer_of_one_whose_place_in_memory_it_takes() -> None:
    @remember_as_long_as_it_lives
    def read(value: Value) -> str:
        return value.text

    for number in range(1000):
        value = Value()
        value.text = str(number)
        assert read(value) == str(number)
        del value
