"""One simulated hour of market making: how fast virtual time runs. `python tests/benchmarks/bench_simulated_hour.py`

Ten book updates and two takers a second, three levels a side; client, engine, journal and simulated venue in one
process. Prints the wall time, the rate, and the hash of the journal, which the seed alone decides. A taker makes about
three trades, one with each order that it meets: `--takers 0.7` is an hour with two trades a second on the tape.
"""

from __future__ import annotations

import argparse

from workbench.engine import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600.0, help="simulated seconds")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--takers", type=float, default=2.0, help="takers' orders a second")
    options = parser.parse_args()
    # Once before, so that compiling is not measured.
    simulate(seed=options.seed, seconds=1.0)
    result = simulate(seed=options.seed, seconds=options.seconds, book_rate=10.0, trade_rate=options.takers)
    updates = sum(row.tag in ("BookDelta", "BookSnapshot") for row in result.rows)
    trades = sum(row.tag == "MarketTrade" for row in result.rows)
    print(result)
    print(
        f"simulated {result.simulated_s:.0f} s in {result.wall_s:.2f} s wall: {result.rate:.0f} times real time, "
        f"{updates / result.simulated_s:.1f} book updates and {trades / result.simulated_s:.1f} trades a second, "
        f"{result.outcome.journal_rows} journal rows, digest {result.digest[:16]}"
    )


if __name__ == "__main__":
    main()
