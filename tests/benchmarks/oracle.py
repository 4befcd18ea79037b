"""Runs hftbacktest and says what it counted: started with the interpreter of its own environment (`oracle_home`).

It loads a feed once and answers questions, one JSON line each on standard input and output:
`{"configurations": [...], "book": "ROIVector", "queue": ["power3", 3.0]}`. Nothing of the workbench is imported.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import (
    BUY,
    GTX,
    LIMIT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from numba import njit, uint64

TICK, LOT = 0.1, 0.001
LATENCY_NS = 10_000_000
MAKER_FEE, TAKER_FEE = -0.00005, 0.0007
WARM_UP_ROWS = 4_000


@njit
def grid(hbt, counts, n_side, c1, c2, alpha, qty, step_ns):
    """Quote a grid of post-only orders around a mid that leans against the position; see `backtest_grid`.

    counts: steps, submits, cancels, most open orders, last mid in ticks, checksum of the positions, last sigma, reason.
    """
    tick = hbt.depth(0).tick_size
    variance, last_mid = 100.0, np.nan
    limit = n_side * qty
    while True:
        counts[7] = hbt.elapse(step_ns)
        if counts[7] != 0:
            break
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        best_bid, best_ask = depth.best_bid_tick, depth.best_ask_tick
        counts[0] += 1
        if best_bid <= 0 or best_ask >= 1_000_000_000 or best_bid >= best_ask:
            continue
        mid = 0.5 * (best_bid + best_ask)
        if not np.isnan(last_mid):
            variance = (1.0 - alpha) * variance + alpha * (mid - last_mid) ** 2
        last_mid = mid
        sigma = np.sqrt(variance)
        position = hbt.position(0)
        counts[5] += counts[0] * round(position / qty)
        half = c1 + 0.5 * c2 * sigma
        fair = mid - c2 * sigma * (position / qty)
        gap = max(1, round(half))
        bid = min(round(fair - half), best_bid) // gap * gap
        ask = -(-max(round(fair + half), best_ask) // gap) * gap
        bids = n_side if position < limit - 1e-9 else 0
        asks = n_side if position > -limit + 1e-9 else 0
        orders = hbt.orders(0)
        values = orders.values()
        is_open = 0
        while values.has_next():
            order = values.get()
            is_open += 1
            if order.cancellable:
                at = order.price_tick
                if order.side == BUY:
                    wanted = bid - bids * gap < at <= bid and (bid - at) % gap == 0
                else:
                    wanted = ask <= at < ask + asks * gap and (at - ask) % gap == 0
                if not wanted:
                    hbt.cancel(0, order.order_id, False)
                    counts[2] += 1
        counts[3] = max(counts[3], is_open)
        for i in range(bids):
            at = bid - i * gap
            if uint64(2 * at) not in orders:
                hbt.submit_buy_order(0, uint64(2 * at), at * tick, qty, GTX, LIMIT, False)
                counts[1] += 1
        for i in range(asks):
            at = ask + i * gap
            if uint64(2 * at + 1) not in orders:
                hbt.submit_sell_order(0, uint64(2 * at + 1), at * tick, qty, GTX, LIMIT, False)
                counts[1] += 1
    counts[4], counts[6] = last_mid, np.sqrt(variance)


def market(data: np.ndarray[Any, Any], book: str, queue: str, power: float) -> Any:
    """hftbacktest's backtest of one asset with the fixed terms above."""
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(LATENCY_NS, LATENCY_NS)
        .trading_value_fee_model(MAKER_FEE, TAKER_FEE)
        .tick_size(TICK)
        .lot_size(LOT)
        .no_partial_fill_exchange()
    )
    if queue == "risk_averse":
        asset = asset.risk_adverse_queue_model()
    elif queue.startswith("power"):
        name = "power_prob_queue_model" + queue.removeprefix("power").replace("1", "")
        asset = getattr(asset, name)(power)
    else:
        asset = getattr(asset, queue.replace("log", "log_prob_queue_model"))()
    if book == "HashMap":
        return HashMapMarketDepthBacktest([asset])
    traded = data["px"][(data["ev"] & 0xFF) == 2]
    near = (float(traded.min()) * 0.9, float(traded.max()) * 1.1)
    return ROIVectorMarketDepthBacktest([asset.roi_lb(near[0]).roi_ub(near[1])])


def run(data: np.ndarray[Any, Any], configuration: dict[str, Any], book: str, queue: list[Any]) -> dict[str, Any]:
    """One configuration over the whole feed: its counters, and the seconds of building and of running it."""
    started = time.perf_counter()
    hbt = market(data, book, *queue)
    counts = np.zeros(8)
    names = ("n_side", "c1", "c2", "alpha", "qty", "step_ns")
    built = time.perf_counter()
    grid(hbt, counts, *(configuration[name] for name in names))
    ended = time.perf_counter()
    values = hbt.state_values(0)
    result = {
        "steps": int(counts[0]),
        "submits": int(counts[1]),
        "cancels": int(counts[2]),
        "max_open": int(counts[3]),
        "trades": int(values.num_trades),
        "volume": round(values.trading_volume, 6),
        "position": round(values.position, 6) + 0.0,
        "balance": round(values.balance, 6),
        "fee": round(values.fee, 6),
        "last_mid_ticks": float(counts[4]),
        "position_checksum": int(counts[5]),
        "sigma": float(counts[6]),
        "end": int(counts[7]),
    }
    hbt.close()
    return {"result": result, "build_s": built - started, "run_s": ended - built}


def peak_mib() -> float:
    """Peak resident memory of this program; getrusage would count the one that started it, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Load the feed, compile on a piece of it, answer until standard input ends."""
    data = np.load(sys.argv[1])["data"]
    for line in sys.stdin:
        question = json.loads(line)
        book, queue = question.get("book", "ROIVector"), question.get("queue", ["power3", 3.0])
        if question.get("warm_up"):
            run(data[:WARM_UP_ROWS].copy(), question["configurations"][0], book, queue)
        started = time.perf_counter()
        answers = [run(data, configuration, book, queue) for configuration in question["configurations"]]
        answer = {
            "answers": answers,
            "seconds": time.perf_counter() - started,
            "peak_mib": peak_mib(),
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
