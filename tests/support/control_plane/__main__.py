"""Build, start or end a control plane by hand: `python -m tests.support.control_plane --help`."""

import argparse
import shutil
import signal
import sys
from pathlib import Path

from tests.support.control_plane.binaries import built_folder, cached_folder, is_built
from tests.support.control_plane.errors import ControlPlaneError
from tests.support.control_plane.guarded import end_from_outside
from tests.support.control_plane.plane import ControlPlane
from tests.support.control_plane.progress import say

ENDING = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Do what the command line says and return the exit code."""
    arguments = _parser().parse_args()
    try:
        arguments.action(arguments)
    except ControlPlaneError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.control_plane", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    build = actions.add_parser("build", help="build the programs, or say that they are cached")
    build.set_defaults(action=_build)
    up = actions.add_parser("up", help="start a control plane and keep it until Ctrl-C")
    up.add_argument("--kubeconfig", type=Path, metavar="PATH", help="write the administrator's kubeconfig here as well")
    up.add_argument("--detach", action="store_true", help="leave it running, until `down`")
    up.set_defaults(action=_up)
    down = actions.add_parser("down", help="end a control plane that was left running")
    down.add_argument("folder", type=Path, metavar="FOLDER", help="its folder, as `up` printed it")
    down.set_defaults(action=_down)
    return parser


def _build(_arguments: argparse.Namespace) -> None:
    if is_built():
        say(f"built before, cached in {cached_folder()}")
    else:
        say(f"built into {built_folder()}")


def _up(arguments: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a start as tidily as Ctrl-C does
    control_plane = ControlPlane(detached=arguments.detach).start()
    # From here on these signals are kept until they are waited for: none can come between two lines and be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    kubeconfig = control_plane.kubeconfig_admin
    if arguments.kubeconfig is not None:
        kubeconfig = Path(shutil.copy(kubeconfig, arguments.kubeconfig))
    say(f"ready at {control_plane.url}, files in {control_plane.folder}")
    sys.stdout.write(f"export KUBECONFIG={kubeconfig.resolve()}\n")
    sys.stdout.flush()
    if arguments.detach:
        say(f"end it with: python -m tests.support.control_plane down {control_plane.folder}")
        return
    say("Ctrl-C ends it")
    signal.sigwait(ENDING)
    say("ending")
    control_plane.stop()
    if arguments.kubeconfig is not None:
        kubeconfig.unlink(missing_ok=True)


def _down(arguments: argparse.Namespace) -> None:
    end_from_outside(arguments.folder)
    say(f"{arguments.folder} has ended")


if __name__ == "__main__":
    sys.exit(main())
