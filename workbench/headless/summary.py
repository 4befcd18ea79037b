"""summary.json: the numbers of a session, true whatever ended it; it appears last, by rename.

They come from the engine's own last word, `outcome.json`. An engine that was killed has none: see
`workbench.headless.post_mortem`.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from workbench.config import MarketMakerConfig
from workbench.engine.outcome import Outcome
from workbench.engine.protocol import read_struct, write_struct
from workbench.headless.folder import RunFolder
from workbench.provenance import code_hash, versions

__all__ = [
    "PnlParts",
    "Summary",
    "last_word",
    "read_summary",
    "summary_of_nothing",
    "summary_of_outcome",
    "write_summary",
]

FAILED = 4


class PnlParts(msgspec.Struct, frozen=True):
    """The four parts of the profit, decimal text; they sum to `equity_change` to the last digit."""

    spread: str = "0"
    inventory: str = "0"
    fees: str = "0"
    funding: str = "0"

    def total(self) -> Decimal:
        """The exact sum."""
        return sum((Decimal(part) for part in msgspec.structs.astuple(self)), Decimal(0))


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. Money is decimal text in `fee_currency`; sizes are contracts; None means not known.

    `seconds` is what was asked for and `ran_s` what it ran; `open_orders_at_end` is what the venue itself listed.
    """

    run_id: str
    venue: str
    symbol: str
    seconds: float
    ran_s: float
    seed: int
    exit_code: int
    stopped_by: str
    message: str
    orders_sent: int = 0
    amends: int = 0
    cancels: int = 0
    fills: int = 0
    rejects: int = 0
    volume: int = 0
    maker_share: float | None = None
    max_abs_position: int = 0
    position_at_end: int = 0
    open_orders_at_end: int | None = None
    quote_uptime: float = 0.0
    equity_change: str = "0"
    pnl: PnlParts = PnlParts()
    fee_currency: str = "USDT"
    tape_hash: str | None = None
    tape_seconds: int | None = None
    journal_digest: str | None = None
    code_hash: str
    config_hash: str
    versions: dict[str, str] = {}

    @property
    def adds_up(self) -> bool:
        """Whether the parts of the profit sum to the change in equity, to the last digit."""
        return self.pnl.total() == Decimal(self.equity_change)


def summary_of_outcome(outcome: Outcome, seconds: float | None) -> Summary:
    """The summary of a session whose engine lived to its end; `seconds` is what was asked for."""
    names = set(Summary.__struct_fields__) - {"pnl", "seconds"}
    told = {name: getattr(outcome, name) for name in names if hasattr(outcome, name)}
    return Summary(seconds=outcome.ran_s if seconds is None else seconds, pnl=PnlParts(**outcome.pnl), **told)


def summary_of_nothing(config: MarketMakerConfig, folder: RunFolder, *, seconds: float, seed: int) -> Summary:
    """The summary of a run that ended before its engine had a journal: nothing can have been sent."""
    return Summary(
        run_id=folder.root.name,
        venue=config.venue.name,
        symbol=config.symbol,
        seconds=seconds,
        ran_s=0.0,
        seed=seed,
        exit_code=FAILED,
        stopped_by="failure",
        message="The run ended before the engine began to trade; nothing was sent.",
        open_orders_at_end=0,
        code_hash=code_hash(),
        config_hash=config.digest(),
        versions=versions(),
    )


def write_summary(folder: RunFolder, summary: Summary) -> None:
    """Put `summary.json` into place, whole: nothing is written to the folder after it."""
    write_struct(folder.summary, summary)


def last_word(folder: RunFolder) -> Summary | None:
    """How a run ended: its summary, or what its engine said when the runner was killed; None while it runs."""
    if folder.summary.exists():
        return read_summary(folder)
    if folder.outcome.exists():
        outcome = read_struct(folder.outcome, Outcome)
        return summary_of_outcome(outcome, outcome.seconds)
    return None


def read_summary(folder: RunFolder) -> Summary:
    """The summary of a finished run. Raises `SessionError` when there is none."""
    return read_struct(folder.summary, Summary)
