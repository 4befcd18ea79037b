"""`python -m workbench.exchange`: the simulated LMEX as a process of its own."""

from __future__ import annotations

from workbench.exchange.server import main, parse

if __name__ == "__main__":
    options = parse()
    main(
        options.port,
        options.seed,
        options.preset,
        options.rate_limits == "on",
        host=options.host,
        linger_s=options.linger,
        watch_pid=options.watch_pid,
    )
