"""What the engine says about itself: the status page with its "why not" line, and the report of a stop."""

from __future__ import annotations

import html
from decimal import Decimal

import msgspec

from workbench.events import StateFrame

__all__ = ["SessionStatus", "StopReport", "frame_lines", "page", "page_html", "pnl_parts"]


class SessionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the session stands now. Its repr, and its table in a notebook, is the status page.

    `why` is the one line that says why the maker quotes what it quotes, or why it does not quote.
    """

    run_id: str
    pid: int
    venue: str
    venue_url: str
    seed: int
    seconds: float | None
    running_s: float
    dead_man_s: float
    lag_ms: float
    max_lag_ms: float
    largest_backlog: int
    frame: StateFrame

    @property
    def state(self) -> str:
        """starting, quoting, waiting, paused, flattening, killed, halted, stopping or stopped."""
        return self.frame.state

    @property
    def why(self) -> str:
        """Why it quotes what it quotes, or why it does not quote."""
        return self.frame.why

    @property
    def position(self) -> int:
        """Contracts, signed."""
        return self.frame.position

    @property
    def open_orders(self) -> int:
        """Orders known to rest at the venue."""
        return self.frame.open_orders

    @property
    def pnl(self) -> dict[str, Decimal]:
        """The parts of the profit, which sum to `equity_change` to the last digit."""
        return pnl_parts(self.frame)

    @property
    def equity_change(self) -> Decimal:
        """Profit since the start, settlement currency."""
        return Decimal(self.frame.equity_change)

    def lines(self) -> list[tuple[str, str]]:
        """The status page: what, and how it stands."""
        limit = "until stopped" if self.seconds is None else f"of {self.seconds:g} s"
        late = f"timer late {self.lag_ms:.1f} ms, worst {self.max_lag_ms:.1f}"
        return [
            *frame_lines(self.frame),
            ("running", f"{self.running_s:.1f} s {limit}, run {self.run_id}, process {self.pid}"),
            ("venue", f"{self.venue} {self.venue_url}, dead-man {self.dead_man_s:g} s"),
            ("health", f"{late}, largest backlog {self.largest_backlog} events"),
        ]

    def __repr__(self) -> str:
        return page(self.lines())

    def _repr_html_(self) -> str:
        return page_html(self.lines())


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a stop or a kill left behind.

    `open_orders_at_end` is what the venue itself listed after the cancel: 0 is verified zero, None could not be known.
    """

    stopped_by: str
    open_orders_at_end: int | None
    position_at_end: int
    equity_change: str
    currency: str
    exit_code: int
    message: str

    @property
    def verified(self) -> bool:
        """Whether the venue itself said that nothing is open."""
        return self.open_orders_at_end == 0

    def __repr__(self) -> str:
        return (
            f"{self.message}\n  position {self.position_at_end} contracts, "
            f"profit {self.equity_change} {self.currency}, exit code {self.exit_code}"
        )


def pnl_parts(frame: StateFrame) -> dict[str, Decimal]:
    """The four PnL parts of a frame as Decimals."""
    return {
        "spread": Decimal(frame.pnl_spread),
        "inventory": Decimal(frame.pnl_inventory),
        "fees": Decimal(frame.pnl_fees),
        "funding": Decimal(frame.pnl_funding),
    }


def frame_lines(frame: StateFrame) -> list[tuple[str, str]]:
    """The part of the status page that a state frame alone can tell."""
    parts = ", ".join(f"{name} {amount:f}" for name, amount in pnl_parts(frame).items())
    return [
        ("state", f"{frame.state}: {frame.why}"),
        ("market", f"{frame.symbol} {_number(frame.bid)} / {_number(frame.ask)}"),
        ("own quotes", f"{_levels(frame.own_bids)} | {_levels(frame.own_asks)}"),
        ("position", f"{frame.position} contracts, {frame.open_orders} open orders, {frame.unknown_orders} unknown"),
        ("profit", f"{frame.equity_change} {frame.currency} = {parts}"),
        (
            "traded",
            f"{frame.fills} fills, {frame.volume} contracts, {frame.orders_sent} orders ({frame.rejects} refused)",
        ),
        ("quoting", f"{frame.quote_uptime:.1%} of the time with both sides live"),
    ]


def page(lines: list[tuple[str, str]]) -> str:
    """A status page as text."""
    return "\n".join(f"{name:>10}  {text}" for name, text in lines)


def page_html(lines: list[tuple[str, str]]) -> str:
    """A status page as a table."""
    rows = "".join(
        f"<tr><th style='text-align:right'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
        for name, text in lines
    )
    return f"<table>{rows}</table>"


def _number(price: float | None) -> str:
    return "-" if price is None else f"{price:g}"


def _levels(levels: tuple[tuple[float, int], ...]) -> str:
    return " ".join(f"{size}@{price:g}" for price, size in levels) or "none"
