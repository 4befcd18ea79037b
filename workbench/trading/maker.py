"""The market maker: events in at one door, commands out, nothing else. The same code live, replayed and simulated.

It keeps the market view, the order tracker and the ledger, asks the quoting model what is wanted, and lets the compiled
plan say what to send. It owns no clock: time is the stamp of the newest event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from workbench.config import WRITTEN_OUT, ContractSizes, MarketMakerConfig
from workbench.errors import WorkbenchError
from workbench.events import (
    NS,
    RATE_LIMITED,
    BookDelta,
    BookLost,
    BookSnapshot,
    Cancel,
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
from workbench.risk.throttle import RATE_PAUSE_NS
from workbench.trading.account import AccountCheck
from workbench.trading.dead_man import DeadMan
from workbench.trading.flattening import Flattening
from workbench.trading.frames import MakerState, explain, state_frame, state_of
from workbench.trading.kill_switch import KillSwitch
from workbench.trading.ledger import Ledger, PnlParts
from workbench.trading.mode import Mode
from workbench.trading.orders import Order, OrderStatus, OrderTracker
from workbench.trading.outbox import Outbox
from workbench.trading.planner import QuotePlanner
from workbench.trading.settings import Settings
from workbench.trading.stats import SessionStats
from workbench.trading.view import MarketView
from workbench.trading.withdrawal import Withdrawal

__all__ = ["MarketMaker"]

PRUNE_EVERY_NS = 60 * NS
NOTES_KEPT = 200


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
        self.tracker = OrderTracker()
        self.ledger = Ledger(instrument)
        self.stats = SessionStats()
        own_shown = not config.venue.matched_here
        self.view = MarketView(instrument, config.volatility, config.signals, own_shown=own_shown)
        self.account = AccountCheck(self.tracker, self.ledger, run_tag)
        self.planner = QuotePlanner(self.tracker, self.view)
        self.outbox = Outbox(self.tracker, self.stats, run_tag)
        self.wallet: WalletReport | None = None
        """The venue's wallet as last reported."""
        self.notes: deque[str] = deque(maxlen=NOTES_KEPT)
        """What happened that a person should read: late fills, revived orders, halts."""
        self.mode = Mode()
        self._dead_man = DeadMan(0)
        self._withdrawal = Withdrawal(self.tracker)
        self._kill_switch = KillSwitch(
            self.mode, self._withdrawal, self._dead_man, self.outbox, self.ledger, self.notes
        )
        self._flattening = Flattening(self.mode, self.tracker, self.planner, self.outbox)
        self._apply(config, Settings.of(config, instrument, price), same_model=False)

        self._now_ns = 0
        self._private_up = False
        self._pruned_ns = 0
        self._at_rest = False
        self._decided_version = -1
        self.doubt = "no event yet"
        """Why nothing may be quoted now, whatever the model wants; empty when it may."""
        self._new_fills: list[FrameFill] = []

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
        self._now_ns = max(self._now_ns, event.t_ns)
        self._handlers[type(event)](event)
        return self.outbox.take()

    # --- market -------------------------------------------------------------------------------------------------

    def _on_snapshot(self, event: BookSnapshot) -> None:
        self.view.snapshot(event)
        self._after_book()

    def _on_delta(self, event: BookDelta) -> None:
        self.view.delta(event)
        self._after_book()

    def _after_book(self) -> None:
        self.planner.refresh()
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
        self._at_rest = False
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
        before, version = order.status, self.tracker.version
        self.tracker.report(event, self._now_ns)
        if event.status == "unknown":
            self.stats.unknown_outcomes += 1
        if before is not order.status:
            self._after_move(order, before, event)
        elif order.terminal and event.status == "open" and event.request == "query":
            self.notes.append(
                f"{order.client_id} was {order.status.name.lower()} and is open at the venue: cancelled again"
            )
            self.outbox.add(Cancel(order.client_id, order.order_id))
        if self.tracker.version != version or self.outbox.waiting:
            self._decide()

    def _after_move(self, order: Order, before: OrderStatus, event: OrderReport) -> None:
        after = order.status
        if after is OrderStatus.OPEN and before is OrderStatus.IN_FLIGHT:
            self._kill_switch.forget_refusals()
        elif before is OrderStatus.ABSENT:
            self.notes.append(f"{order.client_id} was taken for absent and is {after.name.lower()}")
        elif after is OrderStatus.ABSENT:
            self.notes.append(f"{order.client_id} is not known to the venue")
            self.account.soon(self._now_ns, "an order is absent")
        if self._kill_switch.is_refusal(order, before, event):
            self.stats.rejects += 1
            if event.code == RATE_LIMITED:
                self.planner.pause(self._now_ns + RATE_PAUSE_NS)
            self._halt_for(self._kill_switch.refused(event))
        if order.terminal:
            self.view.own_gone(order, self._now_ns)

    def _on_fill(self, event: OwnFill) -> None:
        order = self.tracker.find(event.client_id, event.order_id)
        late = order is not None and order.terminal and not order.owed
        order, new = self.tracker.fill(event, self._now_ns)
        if not new:
            return
        if order is None:
            self._halt_for(self.account.foreign_execution(event, trading=self.stats.orders_sent > 0))
            return
        if late:
            self.stats.late_fills += 1
            self.notes.append(f"{order.client_id} was {order.status.name.lower()} when its execution was heard")
        if event.fee_currency != self.instrument.settlement:
            self._halt_for(f"a fee was charged in {event.fee_currency}; expected {self.instrument.settlement}")
        self._book_fill(event)
        if event.maker and event.source == "stream":
            self.view.own_fill(event.side, self._now_ns)
        if order.terminal:
            self.view.own_gone(order, self._now_ns)
        self._check_loss()
        self._decide()

    def _book_fill(self, event: OwnFill) -> None:
        fee = event.fee if event.fee_currency == self.instrument.settlement else Decimal(0)
        mid_value = self.view.mid_value(event.price_ticks)
        fetched = event.source == "rest"
        self.ledger.fill(event.side, event.size, event.price_ticks, fee, mid_value, event.venue_ns, fetched=fetched)
        self.stats.traded(event.size, self.ledger.position, maker=event.maker)
        self.account.fills_heard += 1
        price = float(self.instrument.ticks_to_price(event.price_ticks))
        self._new_fills.append(FrameFill(event.t_ns, event.side, price, event.size))

    # --- account ------------------------------------------------------------------------------------------------

    def _on_open_orders(self, event: OpenOrders) -> None:
        doubtful, complaint = self.account.open_orders(event)
        for order in doubtful:
            if order.terminal:
                self.outbox.add(Query(order.client_id))
            else:
                self.tracker.question(order, self._now_ns)
        self._halt_for(complaint)
        self._decide()

    def _on_position(self, event: PositionReport) -> None:
        if not self.stats.orders_sent:
            self.ledger.adopt(event.position)
            self.stats.max_abs_position = max(self.stats.max_abs_position, abs(event.position))
            return
        complaint = self.account.position(event)
        if complaint:
            self._halt_for(complaint)
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
        self._kill_switch.on_armed(event, self._now_ns)
        self._decide()

    # --- time ---------------------------------------------------------------------------------------------------

    def _on_timer(self, _: Timer) -> None:
        now = self._now_ns
        self._kill_switch.on_timer(self.doubt, now)
        why = self.account.due(now)
        if why:
            self.outbox.add(Reconcile(why))
        self.tracker.question_unanswered(now)
        for order in self.tracker.due_queries(now):
            self.outbox.add(Query(order.client_id))
        if now - self._pruned_ns >= PRUNE_EVERY_NS:
            self._pruned_ns = now
            self.tracker.prune(now)
        # A timer by itself changes only what is doubtful, and the budget of orders that were held back.
        if not self._at_rest or self.tracker.version != self._decided_version or self._doubt() != self.doubt:
            self._decide()

    # --- people -------------------------------------------------------------------------------------------------

    def _on_control(self, event: Control) -> None:
        if not self.mode.control(event.action, event.reason):
            return
        if event.action == "stop" and not self.stats.stop_requested_ns:
            self.stats.both_sides(False, self._now_ns)
            self.stats.stop_requested_ns = self._now_ns
        elif event.action == "kill":
            self._kill_switch.withdraw(self.mode.text, self._now_ns)
        elif event.action == "rearm":
            self._kill_switch.forget_refusals()
        self._decide()

    def _on_configure(self, event: Configure) -> None:
        config = MarketMakerConfig.model_validate_json(event.config)
        settings = Settings.of(config, self.instrument, self._price)
        self.view.configure(config.volatility, config.signals)
        self._apply(config, settings, same_model=settings.model is self.planner.model)
        self._decide()

    def check(self, config: MarketMakerConfig) -> None:
        """Raise `ConfigError` if a changed configuration could not be traded here; changes nothing."""
        Settings.of(config, self.instrument, self._price)

    def _apply(self, config: MarketMakerConfig, settings: Settings, *, same_model: bool) -> None:
        self._config = config
        self.planner.configure(config, settings, keep_state=same_model)
        self._kill_switch.configure(config.risk)
        self._dead_man.promise(int(config.venue.dead_man_seconds * NS))
        self._max_book_age_ns = int(config.risk.max_book_age_s * NS)
        self.account.period_ns = int(config.risk.reconcile_s * NS)
        # Ten frames a second need no copy of a model's source.
        self.config_shown = config.model_dump(mode="json", exclude=WRITTEN_OUT)

    @property
    def config(self) -> MarketMakerConfig:
        """The configuration in force."""
        return self._config

    @property
    def sizes(self) -> ContractSizes:
        """Sizes in contracts that the configuration comes to."""
        return self.planner.sizes

    # --- limits that stop ---------------------------------------------------------------------------------------

    def _check_loss(self) -> None:
        self._halt_for(self._kill_switch.loss(self.view.mark_value))

    def _halt_for(self, complaint: str) -> None:
        """Stop trading for what does not fit; an empty complaint is none."""
        if complaint and self._kill_switch.halt(complaint, self._now_ns):
            self.doubt = self.mode.text

    # --- deciding -----------------------------------------------------------------------------------------------

    def _doubt(self) -> str:
        """Why nothing may be quoted now; empty when it may."""
        if not self.mode.runs:
            return self.mode.text
        if not self._private_up:
            return "the private stream is not up"
        if not self.account.ready:
            return "the account is not reconciled yet"
        if self._withdrawal.stuck:
            return f"the cancel of {self._withdrawal.stuck} is not answered"
        market = self.view.doubt(self._now_ns, self._max_book_age_ns)
        if market or self._dead_man.armed(self._now_ns):
            return market
        return "the venue's dead-man timer is not armed"

    def _decide(self) -> None:
        now = self._now_ns
        self.doubt = self._doubt()
        actions = self.planner.plan(now, self.ledger.position, quote=not self.doubt)
        if actions:
            self.planner.spend(self.outbox.carry_out(actions, self.planner.live_orders, now))
        if self.mode.name == "flattening":
            can_trade = self._private_up and not self.view.doubt(now, self._max_book_age_ns)
            self._halt_for(self._flattening.step(self.ledger.position, now, can_trade=can_trade))
            self.doubt = self._doubt()
        self.planner.refresh()
        self.stats.both_sides(self.planner.both_resting, now)
        self._at_rest = not actions and not self.planner.held_back_any and self.mode.name != "flattening"
        self._decided_version = self.tracker.version

    # --- what people see ----------------------------------------------------------------------------------------

    @property
    def halted_by(self) -> str:
        """The limit that halted it, empty when none did."""
        return self.mode.halted_by

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
        return state_of(self)

    @property
    def why(self) -> str:
        """Why it quotes what it quotes, or why it does not: one line."""
        return explain(self)

    def frame(self, t_ns: int, seq: int) -> StateFrame:
        """A state frame for dashboards; fills since the last frame are handed out once."""
        fills, self._new_fills = tuple(self._new_fills), []
        return state_frame(self, t_ns, seq, fills)
