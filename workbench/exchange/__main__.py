"""`python -m workbench.exchange`: the simulated LMEX as a process of its own."""

from __future__ import annotations

import sys

from workbench.errors import ConfigError
from workbench.exchange.server import main, parse

if __name__ == "__main__":
    options = parse()
    try:
        main(
            options.port,
            options.seed,
            options.preset,
            options.rate_limits == "on",
            host=options.host,
            linger_s=options.linger,
            watch_pid=options.watch_pid,
        )
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
