"""A request as the handlers see it, and the reading of its parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from workbench.exchange.accounts import Account
from workbench.exchange.refusals import invalid_parameters, symbol_missing, trading_refusal

__all__ = ["Request"]

MAX_COUNT = 500
_INTEGER = re.compile(r"-?[0-9]{1,18}")
T = TypeVar("T")


@dataclass(slots=True)
class Request:
    """One HTTP request, already authenticated where the call is private."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    now_ns: int
    signed_by: Account | None = None
    path_values: tuple[str, ...] = field(default=())

    @property
    def account(self) -> Account:
        """Who signed it."""
        assert self.signed_by is not None
        return self.signed_by

    @property
    def time_ms(self) -> int:
        return self.now_ns // 1_000_000

    def text(self, name: str) -> str:
        """A query parameter, empty when absent."""
        return self.query.get(name, "")

    def symbol(self) -> str:
        """The mandatory symbol of the query string."""
        symbol = self.text("symbol")
        if not symbol:
            raise symbol_missing()
        return symbol

    def integer(self, name: str) -> int | None:
        """A whole number of the query string, None when absent."""
        text = self.text(name)
        if not text:
            return None
        if not _INTEGER.fullmatch(text):
            raise invalid_parameters()
        return int(text)

    def count(self, default: int) -> int:
        """How many rows are asked for."""
        count = self.integer("count")
        if count is None:
            return default
        if count > MAX_COUNT:
            raise trading_refusal(-2, f"Can't support count more than {MAX_COUNT}")
        if count < 1:
            raise invalid_parameters()
        return count

    def decoded(self, decoder: msgspec.json.Decoder[T]) -> T:
        """The JSON body."""
        try:
            return decoder.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise invalid_parameters() from None
