"""Two worlds in which the same story can happen: one in memory, one with a real API server and the whole operator.

A story is an async function that gets a `World`, does what people and other programs do, and looks at what came of it.
"""

from tests.support.worlds.material import Corp
from tests.support.worlds.memory_world import MemoryWorld
from tests.support.worlds.operator_thread import OperatorThread
from tests.support.worlds.real_world import RealWorld
from tests.support.worlds.report import Event, Report
from tests.support.worlds.world import World

__all__ = ["Corp", "Event", "MemoryWorld", "OperatorThread", "RealWorld", "Report", "World"]
