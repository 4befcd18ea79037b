"""From what the market looks like to what to do about our orders: model, limits and the compiled plan in one place."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from workbench.config import ContractSizes, MarketMakerConfig
from workbench.quoting import QuotingModel
from workbench.quoting.schema import HALF_SPREAD, MAX_LEVELS, STATE_SIZE
from workbench.risk import MessageBudget, check_order
from workbench.risk import limits as limit
from workbench.risk.checks import order_value
from workbench.trading.kernels import (
    ACTION_COLUMNS,
    BLOCKED_SIZE,
    BUSY,
    CANCELLING,
    IDLE,
    LIVE_COLUMNS,
    WAITS,
    cap_tolerance,
    plan_orders,
    set_market_limits,
)
from workbench.trading.orders import Order, OrderStatus, OrderTracker
from workbench.trading.settings import Settings
from workbench.trading.view import MarketView

__all__ = ["RESTING", "Closing", "PlannedAction", "QuotePlanner"]

PlannedAction = tuple[int, int, int, int, int, int]
"""Kind, row in `live_orders` or -1, slot, side, price in ticks, size: the columns of the compiled plan."""

RESTING = (OrderStatus.OPEN, OrderStatus.CANCELLING, OrderStatus.AMENDING)
"""Statuses of orders that the venue holds as far as we know."""

FLATTEN_REACH = 0.005
"""A closing order reaches this far through the touch, fraction of the price."""

LIVE_ROWS = 8 * MAX_LEVELS

_NOTHING_BLOCKED = bytes(8 * BLOCKED_SIZE)

_STATUS = {OrderStatus.OPEN: IDLE, OrderStatus.CANCELLING: CANCELLING}


class Closing(NamedTuple):
    """An order that closes the position, or why there is none."""

    side: int
    price_ticks: int
    size: int
    refusal: str


class QuotePlanner:
    """Keeps the flat arrays, calls the model, and plans what to cancel, amend and send.

    Attributes
    ----------
    live_orders : list of Order
        Orders that may still fill, in the row order of the last plan.
    both_resting : bool
        Both sides have an order at the venue.
    reason : int
        Negative reason code of the model's last answer, 0 when it quoted.
    """

    def __init__(self, tracker: OrderTracker, view: MarketView) -> None:
        self._tracker = tracker
        self._view = view
        self._budget = MessageBudget(1.0)
        self._state = np.zeros(STATE_SIZE)
        self._wanted = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
        self._live = np.zeros((LIVE_ROWS, LIVE_COLUMNS), dtype=np.int64)
        self._actions = np.zeros((4 * MAX_LEVELS + LIVE_ROWS, ACTION_COLUMNS), dtype=np.int64)
        self._blocked = np.zeros(BLOCKED_SIZE, dtype=np.int64)
        self._version = -1
        self.live_orders: list[Order] = []
        self.both_resting = False
        self.reason = 0

    def configure(self, config: MarketMakerConfig, settings: Settings, *, keep_state: bool) -> None:
        """Take new settings; a different model starts with a zeroed state."""
        if not keep_state:
            self._state[:] = 0
        self._settings = settings
        self._budget.set_rate(config.risk.max_messages_per_s)
        self._tolerance = config.quoting.refresh_tolerance_bps / 10_000
        self._collar = config.risk.price_collar_bps / 10_000

    # --- planning -----------------------------------------------------------------------------------------------

    def plan(self, now_ns: int, position: int, *, quote: bool) -> list[PlannedAction]:
        """What to do now; with `quote` false nothing is wanted and everything that can be is cancelled."""
        self.refresh()
        rows = 0
        self.reason = 0
        if quote:
            self._set_limits(now_ns)
            settings = self._settings
            rows = settings.model.function(self._view.array, position, settings.params, self._state, self._wanted)
            if rows < 0:
                self.reason, rows = rows, 0
            else:
                cap_tolerance(settings.limits, self._state.item(HALF_SPREAD))
        if not rows and not self.live_orders:
            self._blocked[:] = 0
            return []
        count = plan_orders(
            self._wanted,
            rows,
            self._live,
            len(self.live_orders),
            position,
            self._settings.limits,
            self._actions,
            self._blocked,
        )
        return self._actions[:count].tolist() if count else []

    def spend(self, messages: int) -> None:
        """Places and amends were sent."""
        if messages:
            self._budget.take(messages)

    def pause(self, until_ns: int) -> None:
        """Send nothing new before this time; cancels go on."""
        self._budget.pause(until_ns)

    def refresh(self) -> None:
        """Rows of every order that may still fill, if any changed; which sizes in the book are ours follows."""
        if self._version == self._tracker.version:
            return
        self._version = self._tracker.version
        orders = list(self._tracker.live.values())
        self.live_orders = orders
        if len(orders) > self._live.shape[0]:
            self._live = np.zeros((2 * len(orders), LIVE_COLUMNS), dtype=np.int64)
            self._actions = np.zeros((4 * MAX_LEVELS + 2 * len(orders), ACTION_COLUMNS), dtype=np.int64)
        resting = 0
        rows: list[int] = []
        own: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for order in orders:
            status, side, price, exposure = order.status, order.side, order.price_ticks, order.exposure
            plan_status = BUSY if order.query_at_ns else _STATUS.get(status, BUSY)
            rows += (-1 if order.terminal else order.slot, side, price, exposure, plan_status)
            sizes = own[side < 0]
            sizes[price] = sizes.get(price, 0) + exposure
            if status in RESTING:
                resting |= 1 if side > 0 else 2
        # Several times as fast as an assignment by numpy.
        struct.pack_into(f"{len(rows)}q", self._live.data, 0, *rows)
        self.both_resting = resting == 3
        self._view.own_sizes(*own)

    def _set_limits(self, now_ns: int) -> None:
        view = self._view
        set_market_limits(
            self._settings.limits,
            view.mark_ticks,
            self._collar,
            view.best_bid,
            view.best_ask,
            self._tolerance,
            self._budget.available(now_ns),
        )

    def closing(self, now_ns: int, position: int) -> Closing:
        """The reduce-only order that closes as much of the position as one order may."""
        self._set_limits(now_ns)
        side = -1 if position > 0 else 1
        limits = self._settings.limits
        touch = self._view.best_bid if side < 0 else self._view.best_ask
        price = int(touch * (1 + side * FLATTEN_REACH))
        # No further than the collar; a touch beyond it is for the check to refuse.
        if side > 0:
            price = min(price, max(touch, int(limits[limit.COLLAR_HIGH])))
        else:
            price = max(price, min(touch, int(limits[limit.COLLAR_LOW])))
        most = min(limits[limit.MAX_SIZE], limits[limit.MAX_VALUE] // max(1, order_value(price, 1, limits)))
        size = min(abs(position), int(most // limits[limit.LOT] * limits[limit.LOT]))
        code = check_order(side, price, size, position, 0, True, limits)
        return Closing(side, price, size, WAITS.get(code, ""))

    # --- what people see ----------------------------------------------------------------------------------------

    @property
    def sizes(self) -> ContractSizes:
        """Sizes in contracts that are in force."""
        return self._settings.sizes

    @property
    def model(self) -> QuotingModel:
        """The model that quotes."""
        return self._settings.model

    @property
    def reason_text(self) -> str:
        """Why the model does not quote; empty when it does."""
        if not self.reason:
            return ""
        return self.model.reasons.get(self.reason, f"the model returned {self.reason}")

    @property
    def held_back_any(self) -> bool:
        """Some wanted order was not sent in the last plan."""
        return self._blocked.tobytes() != _NOTHING_BLOCKED

    @property
    def held_back(self) -> list[str]:
        """Wanted orders that were not sent in the last plan, in words."""
        return [f"{count} held back: {WAITS[code]}" for code, count in enumerate(self._blocked.tolist()) if count]

    @property
    def half_spread_bps(self) -> float | None:
        """Half spread that the model quoted last, bps of the mid."""
        mid, half = self._view.mid, float(self._state[HALF_SPREAD])
        return half / mid * 1e4 if mid and half else None
