"""The buttons and inputs of the desk; they call back with an action or a changed setting and know no engine."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from workbench.config import MarketMakerConfig

__all__ = ["SETTINGS", "Controls", "TwoClickButton"]

SETTINGS = ("spread_bps", "order_size", "max_orders_per_side", "max_position_size")
"""The settings that the desk shows and changes."""

WINDOWS = {"1 min": 60.0, "5 min": 300.0, "15 min": 900.0, "1 hour": 3_600.0}

QUESTION_TICKS = 20
"""Ticks of the desk (five a second) that a two-click button waits for the second click."""

_RUNNING = ("starting", "quoting", "waiting", "paused", "flattening", "killed", "halted")
_STOPPED_BY_A_LIMIT = ("killed", "halted")
_TONES = {"good": "#0f766e", "alert": "#be123c", "": "#64748b"}


class TwoClickButton:
    """A button that acts on the second click; the first one asks, and is forgotten after a few seconds.

    Parameters
    ----------
    label, question : str
        What it says at rest and after the first click.
    act : callable
        Called at the second click.
    """

    def __init__(self, label: str, question: str, act: Callable[[], None], **looks: Any) -> None:
        self._label, self._question, self._act = label, question, act
        self._ticks_left = 0
        self.button = _button(label, act=self._clicked, **looks)

    def tick(self) -> None:
        """Time passes: `QUESTION_TICKS` of these and the question is forgotten."""
        if self._ticks_left:
            self._ticks_left -= 1
            if not self._ticks_left:
                self.button.description = self._label

    def _clicked(self) -> None:
        if not self._ticks_left:
            self._ticks_left = QUESTION_TICKS
            self.button.description = self._question
            return
        self._ticks_left = 0
        self.button.description = self._label
        self._act()


class Controls:
    """Buttons (start, pause, flatten, kill, re-arm, stop), the four settings, the time window and the message line.

    Kill acts on its one click. Re-arm and stop ask once more.

    Parameters
    ----------
    config : MarketMakerConfig
        What the inputs show at first.
    act : callable
        `act(action)` with "start", "pause", "resume", "flatten", "kill", "rearm" or "stop".
    change : callable
        `change(name, value)` when a person has changed one of `SETTINGS`.
    """

    def __init__(
        self, config: MarketMakerConfig, act: Callable[[str], None], change: Callable[[str, float], None]
    ) -> None:
        self._act, self._change = act, change
        self._showing = False
        self._paused = False
        self._build_buttons()
        self._build_settings(config)
        self.message = widgets.HTML(layout=widgets.Layout(min_height="28px"))
        self.say("Changes take effect as soon as they are made. KILL acts on one click; Re-arm and Stop ask once more.")
        self.window = widgets.ToggleButtons(options=WINDOWS, value=300.0, style={"button_width": "72px"})
        self.view = widgets.VBox(
            [
                widgets.HBox([*self._buttons, self.window], layout=_row(justify_content="flex-start")),
                widgets.HBox(list(self.settings.values()), layout=_row()),
                self.message,
            ]
        )

    def show_state(self, state: str) -> None:
        """Enable what makes sense in this state of the session ("" when there is none)."""
        running = state in _RUNNING
        self._paused = state == "paused"
        _set(self.start, disabled=running or state == "stopping")
        _set(self.pause, disabled=not running or state in _STOPPED_BY_A_LIMIT)
        _set(self.pause, description="Resume" if self._paused else "Pause", icon="play" if self._paused else "pause")
        _set(self.flatten, disabled=not running)
        # Whatever the screen believes about the session, kill can be tried.
        _set(self.kill, disabled=not state)
        _set(self.rearm.button, disabled=state not in _STOPPED_BY_A_LIMIT)
        _set(self.stop.button, disabled=not running)

    def show_config(self, config: MarketMakerConfig) -> None:
        """Show the settings that are in force, without calling back."""
        self._showing = True
        try:
            for name, control in self.settings.items():
                value = getattr(config, name)
                if hasattr(control, "max") and value > control.max:
                    control.max = value
                if control.value != value:
                    control.value = value
        finally:
            self._showing = False

    def say(self, text: str, tone: str = "") -> None:
        """One line under the controls: what was done or why not (tones: "good", "alert", "")."""
        shown = html.escape(text).replace("\n", "<br>")
        style = f"color:{_TONES[tone]};font-size:13px;line-height:1.4"
        self.message.value = f'<span style="{style}">{shown}</span>'

    def tick(self) -> None:
        """Time passes: questions nobody answered are forgotten."""
        self.rearm.tick()
        self.stop.tick()

    def _build_buttons(self) -> None:
        wide = {"layout": widgets.Layout(width="104px")}
        self.start = _button("Start", icon="play", act=lambda: self._act("start"), button_style="success", **wide)
        self.pause = _button("Pause", icon="pause", act=self._pause_or_resume, **wide)
        self.flatten = _button(
            "Flatten", icon="compress", act=lambda: self._act("flatten"), tooltip="Close the position", **wide
        )
        self.kill = _button(
            "KILL",
            icon="bolt",
            act=lambda: self._act("kill"),
            button_style="danger",
            tooltip="Cancel everything and quote no more; acts at once",
            **wide,
        )
        self.rearm = TwoClickButton("Re-arm", "Re-arm? Yes", lambda: self._act("rearm"), icon="unlock", **wide)
        self.stop = TwoClickButton("Stop", "Stop? Yes", lambda: self._act("stop"), icon="stop", **wide)
        self._buttons = [self.start, self.pause, self.flatten, self.rearm.button, self.stop.button, self.kill]

    def _build_settings(self, config: MarketMakerConfig) -> None:
        wide = {"style": {"description_width": "initial"}, "continuous_update": False}
        slider, entry = widgets.Layout(width="300px"), widgets.Layout(width="190px")
        self.spread = widgets.FloatSlider(
            value=config.spread_bps,
            min=min(1.0, config.spread_bps),
            max=max(100.0, 2 * config.spread_bps),
            step=0.5,
            readout_format=".1f",
            description="Spread, bps",
            layout=slider,
            **wide,
        )
        self.levels = widgets.IntSlider(
            value=config.max_orders_per_side, min=1, max=20, description="Levels a side", layout=slider, **wide
        )
        self.size = widgets.FloatText(value=config.order_size, description="Order size", layout=entry, **wide)
        self.limit = widgets.FloatText(
            value=config.max_position_size, description="Position limit", layout=entry, **wide
        )
        self.settings = {
            "spread_bps": self.spread,
            "order_size": self.size,
            "max_orders_per_side": self.levels,
            "max_position_size": self.limit,
        }
        for name, control in self.settings.items():
            control.observe(lambda change, name=name: self._changed(name, change["new"]), names="value")

    def _changed(self, name: str, value: float) -> None:
        if not self._showing:
            # A slider adds up its steps in floats: 24.000000000000004 bps is nobody's wish.
            self._change(name, round(value, 6))

    def _pause_or_resume(self) -> None:
        self._act("resume" if self._paused else "pause")


def _button(label: str, *, act: Callable[[], None], **looks: Any) -> widgets.Button:
    button = widgets.Button(description=label, **looks)
    button.on_click(lambda _: act())
    return button


def _row(**more: Any) -> widgets.Layout:
    return widgets.Layout(flex_flow="row wrap", align_items="center", **more)


def _set(widget: widgets.Widget, **traits: Any) -> None:
    """Set only what differs: each change of a trait is a message to the browser."""
    for name, value in traits.items():
        if getattr(widget, name) != value:
            setattr(widget, name, value)
