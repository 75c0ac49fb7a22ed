"""What is held stays within the bound, and what was used last stays longest."""

from certwright.runtime.shelf import Shelf


def test_least_recently_used_goes_when_the_bound_is_passed() -> None:
    shelf: Shelf[str] = Shelf(10)
    shelf.put("a", "A", 4)
    shelf.put("b", "B", 4)
    assert shelf.get("a") == "A"
    shelf.put("c", "C", 4)
    assert (shelf.get("a"), shelf.get("b"), shelf.get("c")) == ("A", None, "C")
    assert (len(shelf), shelf.weight) == (2, 8)


def test_value_is_replaced_when_its_name_is_put_again() -> None:
    shelf: Shelf[str] = Shelf(10)
    shelf.put("a", "A", 9)
    shelf.put("a", "B", 3)
    assert (shelf.get("a"), shelf.weight, len(shelf)) == ("B", 3, 1)


def test_value_is_not_held_when_it_alone_passes_the_bound() -> None:
    shelf: Shelf[str] = Shelf(10)
    shelf.put("a", "A", 5)
    shelf.put("b", "B", 11)
    shelf.put("a", "C", 11)
    assert (shelf.get("a"), shelf.get("b"), shelf.weight) == (None, None, 0)
