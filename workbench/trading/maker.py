"""The market maker: events in at one door, commands out, nothing else. The same code live, replayed and simulated.

It keeps the market view, the order tracker and the ledger, asks the quoting model what is wanted, and lets the compiled
plan say what to send. It owns no clock: time is the stamp of the newest event.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.config import ContractSizes, MarketMakerConfig
from workbench.errors import WorkbenchError
from workbench.events import (
    NS,
    Amend,
    ArmDeadMan,
    BookDelta,
    BookLost,
    BookSnapshot,
    Cancel,
    CancelAll,
    Command,
    Configure,
    Control,
    DeadManArmed,
    Event,
    FrameFill,
    FundingPaid,
    MarketTrade,
    MarkPrice,
    OpenOrders,
    OrderReport,
    OwnFill,
    Place,
    PositionReport,
    Query,
    Reconcile,
    ReconcileDone,
    StateFrame,
    StreamState,
    Timer,
    WalletReport,
)
from workbench.instruments import Instrument
from workbench.quoting import QuotingModel, find_model
from workbench.quoting.builtin import HALF_SPREAD
from workbench.quoting.schema import MAX_LEVELS, STATE_SIZE
from workbench.risk import MessageBudget, check_order
from workbench.risk import limits as limit
from workbench.trading.account import AccountCheck
from workbench.trading.kernels import (
    ACT_AMEND,
    ACT_CANCEL,
    ACTION_COLUMNS,
    BLOCKED_SIZE,
    BUSY,
    CANCELLING,
    IDLE,
    LIVE_COLUMNS,
    WAITS,
    plan_orders,
)
from workbench.trading.ledger import Ledger, PnlParts
from workbench.trading.orders import Order, OrderStatus, OrderTracker
from workbench.trading.settings import limits_array, params_array
from workbench.trading.stats import SessionStats
from workbench.trading.view import MarketView

__all__ = ["MakerState", "MarketMaker"]

MakerState = Literal[
    "starting", "quoting", "waiting", "paused", "flattening", "killed", "halted", "stopping", "stopped"
]

FLATTEN_REACH = Decimal("0.005")
"""A closing order reaches this far through the touch, fraction of the price."""

FLATTEN_EVERY_NS = NS // 5
PRUNE_EVERY_NS = 60 * NS
LIVE_ROWS = 8 * MAX_LEVELS

_STATUS = {
    OrderStatus.OPEN: IDLE,
    OrderStatus.CANCELLING: CANCELLING,
}
_RESTING = (OrderStatus.OPEN, OrderStatus.CANCELLING, OrderStatus.AMENDING)


class _Resolved(NamedTuple):
    """What a configuration comes to on this instrument."""

    sizes: ContractSizes
    model: QuotingModel
    params: NDArray[np.float64]
    limits: NDArray[np.int64]


class MarketMaker:
    """One symbol's maker.

    Parameters
    ----------
    instrument : Instrument
    config : MarketMakerConfig
    price : Decimal
        The preflight price: sizes given in base or quote are converted at it, once.
    run_tag : str
        Letters and digits that no other run on the account uses: the head of every client order id.

    Raises
    ------
    ConfigError
        If the configuration cannot be traded on the instrument.
    """

    def __init__(self, instrument: Instrument, config: MarketMakerConfig, price: Decimal, run_tag: str) -> None:
        if not run_tag.isalnum() or len(run_tag) > 16:
            raise WorkbenchError(f"run tag is {run_tag!r}; expected 1 to 16 letters and digits")
        self.instrument = instrument
        self._price = price
        self._run_tag = run_tag
        self.tracker = OrderTracker()
        self.ledger = Ledger(instrument)
        self.stats = SessionStats()
        self.view = MarketView(instrument, config.volatility)
        self.account = AccountCheck(self.tracker, self.ledger, run_tag)
        self._model_state = np.zeros(STATE_SIZE)
        self._wanted = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
        self._live = np.zeros((LIVE_ROWS, LIVE_COLUMNS), dtype=np.int64)
        self._actions = np.zeros((4 * MAX_LEVELS + LIVE_ROWS, ACTION_COLUMNS), dtype=np.int64)
        self._blocked = np.zeros(BLOCKED_SIZE, dtype=np.int64)
        self._live_orders: list[Order] = []
        self._live_version = -1
        self.wallet: WalletReport | None = None
        """The venue's wallet as last reported."""
        self._both_resting = False
        self._apply(config, self._resolve(config))

        self._now_ns = 0
        self._counter = 0
        self._out: list[Command] = []
        self._mode: Literal["run", "paused", "flattening", "killed", "halted", "stopping"] = "run"
        self._mode_reason = ""
        self.halted_by = ""
        self._private_up = False
        self._armed_ns = 0
        self._arm_asked_ns = 0
        self._arm_failures = 0
        self._flatten_at_ns = 0
        self._pruned_ns = 0
        self._rejects_in_a_row = 0
        self._wait = "no event yet"
        self._model_code = 0
        self._new_fills: list[FrameFill] = []
        self.notes: list[str] = []
        """What happened that a person should read (late fills, revived orders, halts), bounded."""

        self._handlers: dict[type, Callable[[Any], None]] = {
            BookSnapshot: self._on_snapshot,
            BookDelta: self._on_delta,
            BookLost: self._on_book_lost,
            MarketTrade: self._on_trade,
            MarkPrice: self._on_mark,
            StreamState: self._on_stream,
            OrderReport: self._on_report,
            OwnFill: self._on_fill,
            OpenOrders: self._on_open_orders,
            PositionReport: self._on_position,
            WalletReport: self._on_wallet,
            FundingPaid: self._on_funding,
            ReconcileDone: self._on_reconciled,
            DeadManArmed: self._on_armed,
            Timer: self._on_timer,
            Control: self._on_control,
            Configure: self._on_configure,
        }

    # --- the door -----------------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> list[Command]:
        """Take an event, return the commands that follow from it, in the order in which they must be sent."""
        self._out = []
        self._now_ns = max(self._now_ns, event.t_ns)
        self._handlers[type(event)](event)
        return self._out

    # --- market -------------------------------------------------------------------------------------------------

    def _on_snapshot(self, event: BookSnapshot) -> None:
        self.view.snapshot(event)
        self._after_book()

    def _on_delta(self, event: BookDelta) -> None:
        self.view.delta(event)
        self._after_book()

    def _after_book(self) -> None:
        if self._live_version != self.tracker.version:
            self._refresh_live()
        self.view.refresh(self._now_ns)
        if self.view.book.trusted and not self.stats.first_book_ns:
            self.stats.first_book_ns = self._now_ns
        self._decide()

    def _on_book_lost(self, event: BookLost) -> None:
        self.view.book.lose(event.reason)
        self._decide()

    def _on_trade(self, event: MarketTrade) -> None:
        self.view.trade(event)

    def _on_mark(self, event: MarkPrice) -> None:
        self.view.marked(event)
        if self.view.mark_value is not None:
            self.ledger.mark(self.view.mark_value)
        self._check_loss()

    def _on_stream(self, event: StreamState) -> None:
        if event.stream == "book" and not event.up:
            self.view.book.lose(event.reason or "the book stream is down")
        elif event.stream == "private":
            self._private_up = event.up
            self.account.lost(self._now_ns)
        self._decide()

    # --- orders -------------------------------------------------------------------------------------------------

    def _on_report(self, event: OrderReport) -> None:
        order = self.tracker.find(event.client_id, event.order_id)
        if order is None:
            return
        before = order.status
        self.tracker.report(event, self._now_ns)
        if event.status == "unknown":
            self.stats.unknown_outcomes += 1
        if before is not order.status:
            self._after_move(order, before, event)
        elif order.terminal and event.status == "open" and event.request == "query":
            self._note(f"{order.client_id} was {order.status.name.lower()} and is open at the venue: cancelled again")
            self._out.append(Cancel(order.client_id, order.order_id))
        if order.owed:
            self.account.soon(self._now_ns + NS // 2, "executions are missing")
        self._decide()

    def _after_move(self, order: Order, before: OrderStatus, event: OrderReport) -> None:
        after = order.status
        if after is OrderStatus.OPEN and before is OrderStatus.IN_FLIGHT:
            self._rejects_in_a_row = 0
        elif before is OrderStatus.ABSENT:
            self._note(f"{order.client_id} was taken for absent and is {after.name.lower()}")
        elif after is OrderStatus.ABSENT:
            self._note(f"{order.client_id} is not known to the venue")
            self.account.soon(self._now_ns, "an order is absent")
        refused = after is OrderStatus.REJECTED or (
            after is OrderStatus.CANCELLED and event.request == "place" and not order.filled and not order.reduce_only
        )
        if refused:
            self.stats.rejects += 1
            self._rejects_in_a_row += 1
            if self._rejects_in_a_row >= self._config.risk.max_rejects:
                self._halt(f"{self._rejects_in_a_row} orders in a row were refused, the last: {event.reason}")
        if order.terminal:
            self.view.own_gone(order, self._now_ns)

    def _on_fill(self, event: OwnFill) -> None:
        order = self.tracker.find(event.client_id, event.order_id)
        late = order is not None and order.terminal and not order.owed
        order, new = self.tracker.fill(event, self._now_ns)
        if not new:
            return
        if order is None:
            if event.client_id.startswith(self._run_tag):
                self._halt(f"execution {event.trade_id} of {event.client_id}, which this session never sent")
            elif self.account.ready and self.stats.orders_sent:
                self._halt(f"execution {event.trade_id} on this account is not of an order of ours")
            return
        if late:
            self.stats.late_fills += 1
            self._note(f"{order.client_id} was {order.status.name.lower()} when its execution was heard")
        if event.fee_currency != self.instrument.settlement:
            self._halt(f"a fee was charged in {event.fee_currency}; expected {self.instrument.settlement}")
        self._book_fill(event)
        if order.terminal:
            self.view.own_gone(order, self._now_ns)
        self._check_loss()
        self._decide()

    def _book_fill(self, event: OwnFill) -> None:
        fee = event.fee if event.fee_currency == self.instrument.settlement else Decimal(0)
        self.ledger.fill(event.side, event.size, event.price_ticks, fee, self._mid_value(event.price_ticks))
        stats = self.stats
        stats.fills += 1
        stats.volume += event.size
        stats.maker_volume += event.size if event.maker else 0
        stats.max_abs_position = max(stats.max_abs_position, abs(self.ledger.position))
        self.account.fills_heard += 1
        price = float(self.instrument.ticks_to_price(event.price_ticks))
        self._new_fills.append(FrameFill(event.t_ns, event.side, price, event.size))

    def _mid_value(self, price_ticks: int) -> int:
        """V(mid) of others' best prices; the fill's own price where there is no book (no spread is claimed then)."""
        half_ticks = self.view.mid_half_ticks if self.view.best_bid and self.view.best_ask else 2 * price_ticks
        return self.instrument.value_of_half_ticks(half_ticks)

    # --- account ------------------------------------------------------------------------------------------------

    def _on_open_orders(self, event: OpenOrders) -> None:
        doubtful, complaint = self.account.open_orders(event)
        for order in doubtful:
            if order.terminal:
                self._out.append(Query(order.client_id))
            else:
                self.tracker.question(order, self._now_ns)
        if complaint:
            self._halt(complaint)
        self._decide()

    def _on_position(self, event: PositionReport) -> None:
        if not self.stats.orders_sent:
            self.ledger.adopt(event.position)
            self.stats.max_abs_position = max(self.stats.max_abs_position, abs(event.position))
            return
        complaint = self.account.position(event)
        if complaint:
            self._halt(complaint)
            self._decide()

    def _on_wallet(self, event: WalletReport) -> None:
        self.wallet = event

    def _on_funding(self, event: FundingPaid) -> None:
        if self.stats.first_book_ns and event.t_ns >= self.stats.first_book_ns:
            self.ledger.funding(event.funding_id, event.amount)
            self._check_loss()

    def _on_reconciled(self, event: ReconcileDone) -> None:
        self.account.done(event)
        self._decide()

    def _on_armed(self, event: DeadManArmed) -> None:
        if event.ok:
            self._armed_ns = self._arm_asked_ns
            self._arm_failures = 0
        else:
            self._arm_failures += 1
        self._decide()

    # --- time ---------------------------------------------------------------------------------------------------

    def _on_timer(self, _: Timer) -> None:
        now = self._now_ns
        quarter = self._dead_man_ns // 4
        if now - self._arm_asked_ns >= quarter:
            self._arm_asked_ns = now
            self._out.append(ArmDeadMan(self._dead_man_ns // 1_000_000))
        why = self.account.due(now)
        if why:
            self._out.append(Reconcile(why))
        self.tracker.question_unanswered(now)
        for order in self.tracker.due_queries(now):
            self._out.append(Query(order.client_id))
        if now - self._pruned_ns >= PRUNE_EVERY_NS:
            self._pruned_ns = now
            self.tracker.prune(now)
        self._decide()

    # --- people -------------------------------------------------------------------------------------------------

    def _on_control(self, event: Control) -> None:
        action = event.action
        if action == "stop":
            self._end_quoting("stopping", event.reason)
        elif action == "kill":
            self._mode, self._mode_reason = "killed", event.reason or "by hand"
            self._out.append(CancelAll(f"kill: {self._mode_reason}"))
        elif self._mode == "stopping":
            return
        elif action == "rearm":
            if self._mode in ("killed", "halted"):
                self._mode, self._mode_reason = "paused", "re-armed; resume to quote"
                self._rejects_in_a_row = 0
                self.halted_by = ""
        elif self._mode in ("killed", "halted") and action != "flatten":
            return
        elif action == "pause":
            self._mode, self._mode_reason = "paused", event.reason or "by hand"
        elif action == "resume":
            self._mode, self._mode_reason = "run", ""
        elif action == "flatten":
            self._mode, self._mode_reason = "flattening", event.reason or "by hand"
        self._decide()

    def _end_quoting(self, mode: Literal["stopping"], reason: str) -> None:
        if not self.stats.stop_requested_ns:
            self.stats.both_sides(False, self._now_ns)
            self.stats.stop_requested_ns = self._now_ns
        self._mode, self._mode_reason = mode, reason

    def _on_configure(self, event: Configure) -> None:
        config = MarketMakerConfig.model_validate_json(event.config)
        resolved = self._resolve(config)
        if resolved.model is not self._resolved.model:
            self._model_state[:] = 0
        if config.volatility != self._config.volatility:
            self.view.configure(config.volatility)
        self._apply(config, resolved)
        self._decide()

    def check(self, config: MarketMakerConfig) -> None:
        """Raise `ConfigError` if a changed configuration could not be traded here; changes nothing."""
        self._resolve(config)

    def _resolve(self, config: MarketMakerConfig) -> _Resolved:
        sizes = config.contract_sizes(self.instrument, self._price)
        model = find_model(config.quoting.model)
        return _Resolved(sizes, model, params_array(config, sizes, model), limits_array(config, sizes, self.instrument))

    def _apply(self, config: MarketMakerConfig, resolved: _Resolved) -> None:
        self._config = config
        self._resolved = resolved
        self._limits = resolved.limits
        self._budget = MessageBudget(config.risk.max_messages_per_s)
        self._dead_man_ns = int(config.venue.dead_man_seconds * NS)
        self._max_book_age_ns = int(config.risk.max_book_age_s * NS)
        self.account.period_ns = int(config.risk.reconcile_s * NS)
        collar = Decimal(str(config.risk.price_collar_bps)) / 10_000
        self._collar = (float(1 - collar), float(1 + collar))
        self._frame_config = config.model_dump(mode="json")

    @property
    def config(self) -> MarketMakerConfig:
        """The configuration in force."""
        return self._config

    @property
    def sizes(self) -> ContractSizes:
        """Sizes in contracts that the configuration comes to."""
        return self._resolved.sizes

    # --- limits that stop ---------------------------------------------------------------------------------------

    def _check_loss(self) -> None:
        most = self._config.risk.max_loss
        if most is not None and self._mode not in ("halted", "killed"):
            change = self.pnl.total
            if change <= -Decimal(str(most)):
                self._halt(f"equity has fallen by {-change} {self.instrument.settlement}, risk.max_loss is {most:g}")

    def _halt(self, reason: str) -> None:
        if not self.halted_by:
            self.halted_by = reason
            self._note(f"halted: {reason}")
        if self._mode in ("run", "paused", "flattening"):
            self._mode, self._mode_reason = "halted", reason
            self._out.append(CancelAll(f"halt: {reason}"))

    def _note(self, text: str) -> None:
        self.notes.append(text)
        del self.notes[:-200]

    # --- deciding -----------------------------------------------------------------------------------------------

    def _doubt(self) -> str:
        """Why nothing may be quoted now; empty when it may."""
        if self._mode != "run":
            return f"{self._mode}: {self._mode_reason}" if self._mode_reason else self._mode
        if not self._private_up:
            return "the private stream is not up"
        if not self.account.ready:
            return "the account is not reconciled yet"
        if self._arm_failures >= 2 or self._now_ns - self._armed_ns > self._dead_man_ns * 3 // 4:
            return "the venue's dead-man timer is not armed"
        return self.view.doubt(self._now_ns, self._max_book_age_ns)

    def _decide(self) -> None:
        now = self._now_ns
        self._wait = self._doubt()
        if self._live_version != self.tracker.version:
            self._refresh_live()
        rows = 0
        self._model_code = 0
        if not self._wait:
            self._set_limits(now)
            rows = self._resolved.model.function(
                self.view.array, self.ledger.position, self._resolved.params, self._model_state, self._wanted
            )
            if rows < 0:
                self._model_code, rows = rows, 0
        if rows or self._live_orders:
            self._carry_out(rows)
        else:
            self._blocked[:] = 0
        if self._mode == "flattening":
            self._flatten()
        if self._live_version != self.tracker.version:
            self._refresh_live()
        self.stats.both_sides(self._both_resting, now)

    def _set_limits(self, now: int) -> None:
        view, limits = self.view, self._limits
        mark = view.mark_ticks
        limits[limit.COLLAR_LOW] = math.ceil(mark * self._collar[0])
        limits[limit.COLLAR_HIGH] = math.floor(mark * self._collar[1])
        limits[limit.BEST_BID] = view.best_bid
        limits[limit.BEST_ASK] = view.best_ask
        limits[limit.TOLERANCE] = int(view.mid * self._config.quoting.refresh_tolerance_bps / 10_000)
        limits[limit.TOKENS] = self._budget.available(now)

    def _refresh_live(self) -> None:
        """Rows of every order that may still fill; what our own sizes in the book are follows from them."""
        self._live_version = self.tracker.version
        orders = list(self.tracker.live.values())
        self._live_orders = orders
        if len(orders) > self._live.shape[0]:
            self._live = np.zeros((2 * len(orders), LIVE_COLUMNS), dtype=np.int64)
            self._actions = np.zeros((4 * MAX_LEVELS + 2 * len(orders), ACTION_COLUMNS), dtype=np.int64)
        bids = asks = False
        for row, order in enumerate(orders):
            status = BUSY if order.questioned else _STATUS.get(order.status, BUSY)
            slot = -1 if order.terminal else order.slot
            self._live[row] = (slot, order.side, order.price_ticks, order.exposure, status)
            if order.status in _RESTING:
                bids |= order.side > 0
                asks |= order.side < 0
        self._both_resting = bids and asks
        self.view.own_orders(orders)

    def _carry_out(self, rows: int) -> None:
        count = plan_orders(
            self._wanted,
            rows,
            self._live,
            len(self._live_orders),
            self.ledger.position,
            self._limits,
            self._actions,
            self._blocked,
        )
        if not count:
            return
        sent = 0
        for kind, row, slot, side, price, size in self._actions[:count].tolist():
            if kind == ACT_CANCEL:
                self._cancel(self._live_orders[row])
            elif kind == ACT_AMEND:
                self._amend(self._live_orders[row], size)
                sent += 1
            else:
                self._place(slot, side, price, size)
                sent += 1
        if sent:
            self._budget.take(sent)

    def _place(self, slot: int, side: int, price: int, size: int, *, closing: bool = False) -> None:
        self._counter += 1
        client_id = f"{self._run_tag}{'b' if side > 0 else 's'}{self._counter}"
        command = Place(client_id, slot, side, price, size, post_only=not closing, reduce_only=closing, ioc=closing)
        self.tracker.sent(command, self._now_ns)
        self.stats.orders_sent += 1
        self._out.append(command)

    def _cancel(self, order: Order) -> None:
        self.tracker.request(order, "cancel", self._now_ns)
        self.stats.cancels += 1
        self._out.append(Cancel(order.client_id, order.order_id))

    def _amend(self, order: Order, remaining: int) -> None:
        size = order.filled + remaining
        self.tracker.request(order, "amend", self._now_ns, size)
        self.stats.amends += 1
        self._out.append(Amend(order.client_id, order.order_id, size))

    # --- closing the position -----------------------------------------------------------------------------------

    def _flatten(self) -> None:
        """One reduce-only immediate order at a time until the position is gone; then paused."""
        position = self.ledger.position
        if self.tracker.live:
            return
        if position == 0:
            self._mode, self._mode_reason = "paused", "the position is flat"
            return
        doubt = self.view.doubt(self._now_ns, self._max_book_age_ns)
        if doubt or not self._private_up or self._now_ns < self._flatten_at_ns:
            return
        self._flatten_at_ns = self._now_ns + FLATTEN_EVERY_NS
        self._set_limits(self._now_ns)
        side = -1 if position > 0 else 1
        touch = self.view.best_bid if side < 0 else self.view.best_ask
        price = int(touch * (1 + side * FLATTEN_REACH))
        size = min(abs(position), int(self._limits[limit.MAX_SIZE]))
        code = check_order(side, price, size, position, 0, True, self._limits)
        if code:
            self._halt(f"the position cannot be closed: {WAITS[code]}")
            return
        self._place(-1, side, price, size, closing=True)

    # --- what people see ----------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """Signed contracts."""
        return self.ledger.position

    @property
    def open_orders(self) -> int:
        """Orders that may be resting at the venue."""
        return self.tracker.open_count

    @property
    def unknown_orders(self) -> int:
        """Orders whose state is being asked for."""
        return self.tracker.unknown_count

    @property
    def pnl(self) -> PnlParts:
        """Parts of the change in equity, the position at the mark price."""
        return self.ledger.parts(self.view.mark_value)

    @property
    def fee_currency(self) -> str:
        """Currency of fees and PnL."""
        return self.instrument.settlement

    @property
    def state(self) -> MakerState:
        """One word for what it is doing."""
        if self._mode == "stopping":
            return "stopped" if not self.tracker.live else "stopping"
        if self._mode != "run":
            return self._mode
        if not self.stats.orders_sent and self._wait:
            return "starting"
        return "quoting" if self._both_resting or self.open_orders else "waiting"

    @property
    def why(self) -> str:
        """Why it quotes what it quotes, or why it does not: one line."""
        if self._wait:
            return self._wait
        if self._model_code:
            text = self._resolved.model.reasons.get(self._model_code, f"the model returned {self._model_code}")
            return f"no quotes: {text}"
        sides = [0, 0]
        for order in self._live_orders:
            if order.status in _RESTING:
                sides[order.side < 0] += 1
        bps = self._half_spread_bps()
        mid = self.view.mid
        text = f"{sides[0]} bids, {sides[1]} asks, half spread {bps:.2f} bps" if bps is not None else "quoting"
        if math.isfinite(self.view.sigma):
            text += f", sigma {self.view.sigma * 1e4:.2f} bps/sqrt(s)"
        if self.ledger.position and mid:
            text += f", position {self.ledger.position:+d}"
        held = [f"{count} held back: {WAITS[code]}" for code, count in enumerate(self._blocked.tolist()) if count]
        return "; ".join([text, *held])

    def _half_spread_bps(self) -> float | None:
        mid = self.view.mid
        half = float(self._model_state[HALF_SPREAD])
        return half / mid * 1e4 if mid and half else None

    def frame(self, t_ns: int, seq: int) -> StateFrame:
        """A state frame for dashboards; fills since the last frame are handed out once."""
        view, stats = self.view, self.stats
        tick = float(self.instrument.tick_size)
        own: tuple[list[tuple[float, int]], list[tuple[float, int]]] = ([], [])
        for order in self._live_orders:
            if order.status in _RESTING:
                own[order.side < 0].append((order.price_ticks * tick, order.size - order.filled))
        pnl = self.pnl
        fills, self._new_fills = tuple(self._new_fills), []
        trusted = view.book.trusted and view.best_bid and view.best_ask
        sigma = view.sigma
        return StateFrame(
            seq=seq,
            t_ns=t_ns,
            symbol=self.instrument.symbol,
            state=self.state,
            why=self.why,
            bid=view.best_bid * tick if trusted else None,
            ask=view.best_ask * tick if trusted else None,
            mark=float(view.mark.mark) if view.mark else None,
            position=self.ledger.position,
            own_bids=tuple(sorted(own[0], reverse=True)),
            own_asks=tuple(sorted(own[1])),
            open_orders=self.open_orders,
            unknown_orders=self.unknown_orders,
            sigma=sigma if math.isfinite(sigma) else None,
            half_spread_bps=self._half_spread_bps(),
            pnl_spread=f"{pnl.spread:f}",
            pnl_inventory=f"{pnl.inventory:f}",
            pnl_fees=f"{pnl.fees:f}",
            pnl_funding=f"{pnl.funding:f}",
            equity_change=f"{pnl.total:f}",
            currency=self.instrument.settlement,
            orders_sent=stats.orders_sent,
            amends=stats.amends,
            cancels=stats.cancels,
            fills=stats.fills,
            rejects=stats.rejects,
            volume=stats.volume,
            quote_uptime=stats.uptime(t_ns),
            book_age_ms=(t_ns - view.book.updated_ns) / 1e6 if view.book.updated_ns else None,
            new_fills=fills,
            config=self._frame_config,
        )
