"""The market as it is seen: the order book by price and the tape of trades."""

from workbench.market.book import Book
from workbench.market.tape import TradeTape

__all__ = ["Book", "TradeTape"]
