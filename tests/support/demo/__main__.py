"""Play the demo; `KEEP=1` leaves it running until Ctrl-C."""

import os
import signal
import sys

from tests.support.control_plane import ControlPlaneError
from tests.support.demo import scenes
from tests.support.demo.screen import Steps, console
from tests.support.demo.stage import set_up
from tests.support.operator_process import OperatorError

STORY = (
    scenes.apply_examples,
    scenes.apply_refused,
    scenes.look_around,
    scenes.keep_last_good,
    scenes.repair_drift,
    scenes.keep_a_key,
    scenes.replace_a_set,
)


def main() -> int:
    """Play every scene and return 1 when something was not as expected."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with set_up() as stage:
            for scene in STORY:
                scene(stage)
            steps = stage.steps
            if os.environ.get("KEEP"):
                _report(steps)
                scenes.say_how_to_go_on(stage)
                signal.pause()
    except (ControlPlaneError, OperatorError) as error:
        console.print(f"\n[red]✗[/red] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nended")
        return 130
    return _report(steps)


def _report(steps: Steps) -> int:
    if steps.failures:
        console.print(f"\n[red]Not as expected: {len(steps.failures)}[/red]", highlight=False)
        for failure in steps.failures:
            console.out(f"  ✗ {failure}", highlight=False)
        return 1
    console.print(f"\n[green]Everything as expected, in {steps.elapsed:.0f} s.[/green]", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
