"""The `workbench` command. Its first act is to listen to Ctrl-C and SIGTERM; everything else is loaded after that."""

from __future__ import annotations

import sys

from workbench.headless.stopping import StopRequest

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code (see `workbench --help`)."""
    stop = StopRequest()
    stop.install()

    from workbench.commands import run_command

    sys.exit(run_command(sys.argv[1:], stop))
