"""Waiting keys: once each, namespaces in turn, changes before routine."""

from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime.queue import ROUTINE_SHARE, Priority, WorkQueue


def key(name: str, namespace: str = "a") -> ObjectKey:
    return ObjectKey(Kind.IMPORTED_CERTIFICATE, namespace, name)


def drain(queue: WorkQueue) -> list[str]:
    names = []
    while (taken := queue.take()) is not None:
        names.append(taken.name)
        queue.done(taken, now=0.0)
    return names


def test_take_gives_each_key_once_when_added_twice() -> None:
    queue = WorkQueue()
    queue.add(key("x"), Priority.CHANGE, now=0)
    queue.add(key("x"), Priority.CHANGE, now=1)
    assert (len(queue), drain(queue)) == (1, ["x"])


def test_take_gives_nothing_for_a_key_that_is_worked_on() -> None:
    queue = WorkQueue()
    queue.add(key("x"), Priority.CHANGE, now=0)
    taken = queue.take()
    assert taken is not None
    queue.add(taken, Priority.CHANGE, now=1)
    assert queue.take() is None
    assert (queue.running, len(queue)) == (1, 1)
    queue.done(taken, now=2)
    assert queue.take() == taken


def test_done_keeps_the_higher_priority_when_a_running_key_was_added_twice() -> None:
    queue = WorkQueue()
    queue.add(key("x"), Priority.ROUTINE, now=0)
    taken = queue.take()
    assert taken is not None
    queue.add(taken, Priority.CHANGE, now=1)
    queue.add(taken, Priority.ROUTINE, now=1)
    queue.add(key("y"), Priority.ROUTINE, now=1)
    queue.done(taken, now=2)
    assert drain(queue) == ["x", "y"]


def test_take_lets_namespaces_take_turns() -> None:
    queue = WorkQueue()
    for number in range(4):
        queue.add(key(f"a{number}", "a"), Priority.CHANGE, now=0)
    for number in range(2):
        queue.add(key(f"b{number}", "b"), Priority.CHANGE, now=1)
    assert drain(queue) == ["a0", "b0", "a1", "b1", "a2", "a3"]


def test_take_prefers_changes_and_never_starves_routine() -> None:
    queue = WorkQueue()
    queue.add(key("routine"), Priority.ROUTINE, now=0)
    for number in range(2 * ROUTINE_SHARE):
        queue.add(key(f"c{number}"), Priority.CHANGE, now=1)
    assert drain(queue).index("routine") == ROUTINE_SHARE - 1


def test_add_lifts_a_waiting_key_when_a_person_changes_it() -> None:
    queue = WorkQueue()
    queue.add(key("x"), Priority.ROUTINE, now=3)
    queue.add(key("y"), Priority.ROUTINE, now=4)
    queue.add(key("y"), Priority.CHANGE, now=5)
    assert queue.oldest() == 3
    assert drain(queue) == ["y", "x"]


def test_oldest_keeps_the_first_instant_when_a_key_is_lifted() -> None:
    queue = WorkQueue()
    assert queue.oldest() is None
    queue.add(key("x"), Priority.ROUTINE, now=3)
    queue.add(key("x"), Priority.CHANGE, now=5)
    assert queue.oldest() == 3


def test_discard_forgets_waiting_and_dirty_keys() -> None:
    queue = WorkQueue()
    queue.add(key("running"), Priority.CHANGE, now=0)
    taken = queue.take()
    assert taken is not None
    queue.add(taken, Priority.CHANGE, now=1)
    queue.add(key("waiting"), Priority.CHANGE, now=1)
    queue.discard(taken)
    queue.discard(key("waiting"))
    queue.discard(key("never seen"))
    queue.done(taken, now=2)
    assert (len(queue), queue.take()) == (0, None)
