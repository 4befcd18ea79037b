"""A page for people as one HTML text that opens without a network: tables, charts with plotly.js inside, once."""

from __future__ import annotations

import html
from collections.abc import Iterable

import plotly.graph_objects as go

__all__ = ["html_charts", "html_page", "html_table"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 1080px;
       margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.note { color: #5b6875 } .tables { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: flex-start }
.warning { color: #9f1239; font-weight: 600 }
table { border-collapse: collapse; margin: .5rem 0 } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
        border-bottom: 1px solid #e4e9ee; font-weight: normal; vertical-align: top }
td { font-variant-numeric: tabular-nums } th { color: #5b6875 }
.bar { display: inline-block; height: .7rem; background: #6366f1; border-radius: 2px }
pre { background: #f5f7f9; padding: .8rem; overflow-x: auto; font-size: 13px }
"""


def html_page(title: str, body: str) -> str:
    """A whole document around `body`, HTML text; the title is plain text and becomes its heading, too."""
    name = html.escape(title)
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{name}</title>"
        f"<style>{STYLE}</style></head><body><h1>{name}</h1>{body}</body></html>"
    )


def html_table(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, plain text, as a table."""
    cells = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows)
    return f"<table>{cells}</table>"


def html_charts(figures: Iterable[go.Figure]) -> str:
    """Charts one below the other; the first brings plotly.js."""
    return "".join(
        figure.to_html(full_html=False, include_plotlyjs=number == 0, config={"displaylogo": False})
        for number, figure in enumerate(figures)
    )
