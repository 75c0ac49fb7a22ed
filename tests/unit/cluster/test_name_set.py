import sys

from hypothesis import given
from hypothesis import strategies as st

from certwright.cluster.name_set import NameSet, hash_name

NAMES = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text("abc-", min_size=1, max_size=3)), max_size=30)


@given(added=NAMES, removed=NAMES)
def test_name_set_holds_what_a_set_would(added: list[tuple[str, str]], removed: list[tuple[str, str]]) -> None:
    names, expected = NameSet(), set()
    for namespace, name in added:
        names.add(namespace, name)
        expected.add((namespace, name))
    for namespace, name in removed:
        names.discard(namespace, name)
        expected.discard((namespace, name))

    assert len(names) == len(expected)
    assert all(name in names for name in expected)
    assert not any(name in names for name in removed)


def test_name_set_becomes_another_when_replaced() -> None:
    names = NameSet()
    names.add("shop", "old")
    names.replace([hash_name("shop", "b"), hash_name("shop", "a"), hash_name("shop", "b")])

    assert len(names) == 2
    assert ("shop", "a") in names
    assert ("shop", "old") not in names


def test_name_set_takes_eight_bytes_a_name() -> None:
    names = NameSet()
    names.replace(hash_name("shop", str(number)) for number in range(20_000))

    assert sys.getsizeof(names._hashes) < 20_000 * 8 + 200
