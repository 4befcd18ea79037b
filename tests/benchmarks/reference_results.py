"""Make tests/backtest/hftbacktest_reference.json anew: `python tests/benchmarks/reference_results.py`.

Small made feeds, given by market, seed and length, and what hftbacktest counted on them, its two books agreeing. The
ordinary tests make the same feeds and compare.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from tests.backtest.made_feed import CALM, MESSAGES, TIGHT, make_feed  # noqa: E402
from tests.benchmarks.oracle_home import REQUIREMENTS, Oracle  # noqa: E402

TARGET = ROOT / "tests" / "backtest" / "hftbacktest_reference.json"
MARKETS = {"tight": TIGHT, "messages": MESSAGES, "calm": CALM}
FEEDS = (("tight", 1, 30_000), ("tight", 2, 30_000), ("messages", 3, 30_000), ("calm", 4, 40_000))

DEFAULT = {"n_side": 5, "c1": 8.0, "c2": 0.30, "alpha": 2.0 / 601.0, "qty": 0.01, "step_ns": 100_000_000}
SWEEP = [DEFAULT | {"c1": c1, "c2": c2} for c1 in (4.0, 8.0, 16.0, 32.0) for c2 in (0.15, 0.30)]
QUICK = DEFAULT | {"step_ns": 10_000_000, "c1": 1.0, "c2": 0.05}
QUEUES: tuple[tuple[str, float], ...] = (
    ("risk_averse", 0.0),
    ("power1", 2.0),
    ("power2", 2.0),
    ("log", 0.0),
    ("log2", 0.0),
)


def main() -> None:
    """Ask hftbacktest about every feed and write the file."""
    cases = []
    for market, seed, rows in FEEDS:
        data = make_feed(rows, seed, MARKETS[market])
        feed = {"market": market, "seed": seed, "rows": rows, "sha256": hashlib.sha256(data.tobytes()).hexdigest()}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "feed.npz"
            np.savez(file, data=data)
            with Oracle(file) as oracle:
                cases.append({"feed": feed, "runs": list(_runs(oracle, market))})
    made_by = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    TARGET.write_text(json.dumps({"made_by": made_by, "cases": cases}, indent=1) + "\n")
    print(f"{TARGET}: {sum(len(case['runs']) for case in cases)} runs")


def _runs(oracle: Oracle, market: str) -> Iterator[dict[str, Any]]:
    # Elsewhere the price runs over every quote, and all queues say the same.
    queues = QUEUES if market == "calm" else ()
    questions = [([DEFAULT, *SWEEP, QUICK], ("power3", 3.0)), *(([QUICK], queue) for queue in queues)]
    for configurations, queue in questions:
        found = [
            [answer["result"] for answer in oracle.ask(configurations, book=book, queue=queue)["answers"]]
            for book in ("ROIVector", "HashMap")
        ]
        assert found[0] == found[1], "hftbacktest's own books disagree"
        for configuration, result in zip(configurations, found[0], strict=True):
            yield {"queue": queue, "configuration": configuration, "result": result}


if __name__ == "__main__":
    main()
