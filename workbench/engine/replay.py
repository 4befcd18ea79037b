"""Feed a session's journal to a fresh core and see the same commands come out, number for number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from workbench.config import MarketMakerConfig
from workbench.engine.journal import JournalRow, read_journal, read_meta
from workbench.engine.loop import Maker
from workbench.errors import JournalError
from workbench.events import Event, encode
from workbench.instruments import Instrument
from workbench.trading import MarketMaker

__all__ = ["Replay", "maker_of", "replay_journal", "replay_rows"]


@dataclass(frozen=True)
class Replay:
    """A journal that was decided again with the same outcome."""

    events: int
    commands: int

    def __repr__(self) -> str:
        return f"Replay: {self.events} events gave the same {self.commands} commands, number for number"


def maker_of(meta: dict[str, Any]) -> MarketMaker:
    """A fresh core exactly as the journalled run started its own."""
    return MarketMaker(
        msgspec.convert(meta["instrument"], Instrument, strict=False),
        MarketMakerConfig.from_dict(meta["config"]),
        Decimal(meta["preflight_price"]),
        meta["run_tag"],
    )


def replay_journal(path: str | Path) -> Replay:
    """Replay a session's journal and check every command against what was sent then.

    Parameters
    ----------
    path : str or Path
        The run folder's `journal.sqlite`.

    Raises
    ------
    JournalError
        If the journal cannot be trusted, or the core decides differently today: the message says where and how.
    """
    meta = read_meta(path)
    return replay_rows(read_journal(path), lambda: maker_of(meta))


def replay_rows(rows: Sequence[JournalRow], make_maker: Callable[[], Maker]) -> Replay:
    """Replay journal rows on a core that `make_maker` makes; see `replay_journal`."""
    maker = make_maker()
    decided = [row for row in rows if row.kind in {"event", "command"}]
    events = commands = at = 0
    while at < len(decided):
        row = decided[at]
        if row.kind != "event":
            raise JournalError(f"row {row.seq} is a {row.tag} that no event caused; expected an event: use a copy")
        event: Event = row.decode()  # type: ignore[assignment]
        at += 1
        events += 1
        for command in maker.on_event(event):
            then = decided[at] if at < len(decided) else None
            if then is None or then.kind != "command" or then.payload != encode(command):
                raise JournalError(_difference(row, then, command))
            at += 1
            commands += 1
        if at < len(decided) and decided[at].kind == "command":
            raise JournalError(_difference(row, decided[at], None))
    return Replay(events, commands)


def _difference(cause: JournalRow, then: JournalRow | None, now: object) -> str:
    sent = then.decode() if then is not None and then.kind == "command" else None
    return (
        f"replay differs after row {cause.seq} ({cause.decode()}): then {sent or 'nothing'}, now {now or 'nothing'}; "
        f"expected equality: was the code changed since (see code_hash in the journal's meta)?"
    )
