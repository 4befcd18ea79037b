"""live.ipynb as a person uses it: in JupyterLab, with a mouse, and the truth asked of engine and venue.

`WORKBENCH_SCREENSHOT=docs/desk.png python -m pytest tests/notebooks -k charts_move` writes the picture of the README.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.engine import Session, SessionStatus, run_sync

pytestmark = [pytest.mark.browser, pytest.mark.process]

DRAWN = ".wb-desk[data-seq] .js-plotly-plot .main-svg"
DRAWN_S = 60.0

LOOK = """
() => {
  const desk = document.querySelector(".wb-desk[data-seq]");
  const plot = desk.querySelector(".js-plotly-plot");
  const last = plot.data[0].x.length - 1;
  return {
    seq: Number(desk.dataset.seq),
    age_ms: Number(desk.dataset.ageMs),
    first_x: plot.data[0].x[0],
    last_x: plot.data[0].x[last],
    range: plot.layout.xaxis.range.map(String),
    state: desk.querySelector(".wb-pill").textContent,
    fills: plot.data.filter((t) => ["bought", "sold"].includes(t.name)).reduce((n, t) => n + t.x.length, 0),
  };
}
"""
DRAWN_MORE = """
(seq) => Number(document.querySelector(".wb-desk[data-seq]").dataset.seq) > seq
"""

Opened = Callable[[str], tuple[Any, Path]]


def run_all(page: Any) -> dict[str, Any]:
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(DRAWN, timeout=DRAWN_S * 1e3)
    return dict(page.evaluate(LOOK))


def after(page: Any, seq: int) -> dict[str, Any]:
    """The desk once it has drawn a frame newer than `seq`."""
    page.wait_for_function(DRAWN_MORE, arg=seq, timeout=20_000)
    return dict(page.evaluate(LOOK))


def run_folder(folder: Path) -> Path:
    (found,) = (file.parent for file in folder.glob("runs/*/engine.json"))
    return found


def engine_status(folder: Path) -> SessionStatus:
    """What the engine itself says, over a connection of our own."""

    async def ask() -> SessionStatus:
        session = await Session.attach(run_folder(folder))
        try:
            return await session.status()
        finally:
            await session.close()

    return run_sync(ask(), timeout=30)


def venue_status(folder: Path) -> dict[str, Any]:
    url = json.loads((run_folder(folder) / "engine.json").read_text())["venue_url"]
    with urllib.request.urlopen(f"{url}/sim/status", timeout=10) as answer:
        status: dict[str, Any] = json.load(answer)
    return status


@pytest.fixture(scope="module")
def desk(open_notebook: Opened) -> tuple[Any, Path]:
    """One desk for the tests that leave it as good as they found it: the page, and the folder of its notebook."""
    page, folder = open_notebook("live.ipynb")
    run_all(page)
    return page, folder


def outputs(page: Any) -> str:
    return str(
        page.evaluate("() => [...document.querySelectorAll('.jp-OutputArea-output')].map(o => o.innerText).join()")
    )


def test_the_charts_move_and_are_never_two_seconds_old(desk: tuple[Any, Path], wait_until: Any) -> None:
    page, _ = desk
    seen = [page.evaluate(LOOK)]
    for _ in range(12):
        seen.append(after(page, seen[-1]["seq"]))
    times = [look["last_x"] for look in seen]
    assert times == sorted(times)
    assert times[-1] > times[0] + 1_000
    assert max(look["age_ms"] for look in seen) < 2_000
    assert "Error" not in outputs(page)
    if target := os.environ.get("WORKBENCH_SCREENSHOT"):
        wait_until(lambda: page.evaluate(LOOK)["fills"] >= 80, 300, "enough fills for a picture")
        page.locator(".wb-desk").scroll_into_view_if_needed()
        page.screenshot(path=target)


def test_the_spread_slider_reaches_the_engine(desk: tuple[Any, Path], wait_until: Any) -> None:
    page, folder = desk
    before = engine_status(folder).frame.config["spread_bps"]
    page.locator(".widget-slider .noUi-handle").first.focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")

    def in_force() -> bool:
        shown = float(page.locator(".widget-slider .widget-readout").first.inner_text())
        return shown > before and bool(engine_status(folder).frame.config["spread_bps"] == shown)

    assert wait_until(in_force, 20, "the spread of the slider in the engine")


def test_a_zoom_survives_new_frames(desk: tuple[Any, Path]) -> None:
    page, _ = desk
    panel = page.locator(".wb-desk .nsewdrag").first.bounding_box()
    middle = panel["y"] + panel["height"] / 2
    page.mouse.move(panel["x"] + panel["width"] * 0.2, middle)
    page.mouse.down()
    page.mouse.move(panel["x"] + panel["width"] * 0.6, middle, steps=5)
    page.mouse.up()
    zoomed = after(page, page.evaluate(LOOK)["seq"] + 1)
    later = after(page, zoomed["seq"] + 4)
    assert later["range"] == zoomed["range"]
    assert later["last_x"] > zoomed["last_x"]


def test_a_kernel_restart_leaves_the_engine_quoting_and_the_desk_finds_it_again(
    desk: tuple[Any, Path], wait_until: Any
) -> None:
    page, folder = desk
    before = page.evaluate(LOOK)
    pid = engine_status(folder).pid
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
    wait_until(lambda: engine_status(folder).state == "quoting", 20, "an engine that quotes on")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.wait_for_function("() => !document.querySelector('.wb-desk')", timeout=10_000)
    again = run_all(page)
    assert engine_status(folder).pid == pid
    assert again["first_x"] <= before["last_x"], "the desk shows what happened before the restart"
    assert again["last_x"] > before["last_x"]


def test_one_click_on_kill_leaves_no_order_at_the_venue(open_notebook: Opened, wait_until: Any) -> None:
    page, folder = open_notebook("live.ipynb")
    run_all(page)
    wait_until(lambda: venue_status(folder)["open_orders"] > 0, 30, "orders at the venue")
    page.get_by_role("button", name="KILL").click()
    wait_until(lambda: venue_status(folder)["open_orders"] == 0, 10, "a venue without orders")
    page.wait_for_function("() => document.querySelector('.wb-desk .wb-pill').textContent === 'killed'", timeout=20_000)
    assert engine_status(folder).state == "killed"
    assert venue_status(folder)["open_orders"] == 0
