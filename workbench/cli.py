"""The `workbench` command. Its first act is to listen to Ctrl-C and SIGTERM; everything else is loaded after that."""

from __future__ import annotations

import gc
import sys

from workbench.headless.stopping import StopRequest

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code (see `workbench --help`)."""
    stop = StopRequest()
    stop.install()

    from workbench.commands import run_command

    code = run_command(sys.argv[1:], stop)
    # The interpreter's last collection would walk all that the libraries made: most of a second, for nothing.
    gc.freeze()
    sys.exit(code)
