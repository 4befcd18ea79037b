"""A maker in words and numbers: the "why not" line and the state frame for dashboards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from workbench.events import FrameFill, StateFrame
from workbench.trading.planner import RESTING

if TYPE_CHECKING:
    from workbench.trading.maker import MarketMaker

__all__ = ["MakerState", "explain", "state_frame", "state_of"]

MakerState = Literal[
    "starting", "quoting", "waiting", "paused", "flattening", "killed", "halted", "stopping", "stopped"
]


def state_of(maker: MarketMaker) -> MakerState:
    """One word for what it is doing."""
    if maker.mode.name == "stopping":
        return "stopped" if not maker.tracker.live else "stopping"
    if maker.mode.name != "run":
        return maker.mode.name
    if not maker.stats.orders_sent and maker.doubt:
        return "starting"
    return "quoting" if maker.open_orders else "waiting"


def explain(maker: MarketMaker) -> str:
    """Why it quotes what it quotes, or why it does not: one line."""
    if maker.doubt:
        return maker.doubt
    planner = maker.planner
    if planner.reason_text:
        return f"no quotes: {planner.reason_text}"
    sides = [0, 0]
    for order in planner.live_orders:
        if order.status in RESTING:
            sides[order.side < 0] += 1
    parts = [f"{sides[0]} bids, {sides[1]} asks"]
    bps = planner.half_spread_bps
    if bps is not None:
        parts[0] += f", half spread {bps:.2f} bps"
    if math.isfinite(maker.view.sigma):
        parts[0] += f", sigma {maker.view.sigma * 1e4:.2f} bps/sqrt(s)"
    if maker.position:
        parts[0] += f", position {maker.position:+d}"
    return "; ".join(parts + planner.held_back)


def state_frame(maker: MarketMaker, t_ns: int, seq: int, new_fills: tuple[FrameFill, ...]) -> StateFrame:
    """The frame of a maker at a time."""
    view, stats, pnl = maker.view, maker.stats, maker.pnl
    tick = float(maker.instrument.tick_size)
    own: tuple[list[tuple[float, int]], list[tuple[float, int]]] = ([], [])
    for order in maker.planner.live_orders:
        if order.status in RESTING:
            own[order.side < 0].append((order.price_ticks * tick, order.size - order.filled))
    trusted = view.book.trusted and view.best_bid and view.best_ask
    return StateFrame(
        seq=seq,
        t_ns=t_ns,
        symbol=maker.instrument.symbol,
        state=maker.state,
        why=maker.why,
        bid=view.best_bid * tick if trusted else None,
        ask=view.best_ask * tick if trusted else None,
        mark=float(view.mark.mark) if view.mark else None,
        position=maker.position,
        own_bids=tuple(sorted(own[0], reverse=True)),
        own_asks=tuple(sorted(own[1])),
        open_orders=maker.open_orders,
        unknown_orders=maker.unknown_orders,
        sigma=view.sigma if math.isfinite(view.sigma) else None,
        half_spread_bps=maker.planner.half_spread_bps,
        pnl_spread=f"{pnl.spread:f}",
        pnl_inventory=f"{pnl.inventory:f}",
        pnl_fees=f"{pnl.fees:f}",
        pnl_funding=f"{pnl.funding:f}",
        equity_change=f"{pnl.total:f}",
        currency=maker.fee_currency,
        orders_sent=stats.orders_sent,
        amends=stats.amends,
        cancels=stats.cancels,
        fills=stats.fills,
        rejects=stats.rejects,
        volume=stats.volume,
        quote_uptime=stats.uptime(t_ns),
        book_age_ms=(t_ns - view.book.updated_ns) / 1e6 if view.book.updated_ns else None,
        new_fills=new_fills,
        config=maker.config_shown,
    )
