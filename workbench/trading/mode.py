"""What people and limits have ordered: run, pause, flatten, halt, kill, stop. One small state machine."""

from __future__ import annotations

from typing import Literal

__all__ = ["Mode", "ModeName"]

ModeName = Literal["run", "paused", "flattening", "killed", "halted", "stopping"]
Action = Literal["pause", "resume", "flatten", "kill", "rearm", "stop"]


class Mode:
    """The mode in force and why.

    A kill or a halt ends only by `rearm`, which leaves it paused; flattening under either returns to it. Stopping is
    for good: a kill on the way pulls everything once more and leaves nothing that could be re-armed.
    """

    def __init__(self) -> None:
        self.name: ModeName = "run"
        self.reason = ""
        self.halted_by = ""
        """The limit that halted the session; empty once a person has re-armed it."""
        self._after_flatten: tuple[ModeName, str] = ("paused", "")

    @property
    def runs(self) -> bool:
        """Quoting is allowed as far as people and limits go."""
        return self.name == "run"

    @property
    def text(self) -> str:
        """The mode and its reason, for the "why not" line."""
        return f"{self.name}: {self.reason}" if self.reason else self.name

    def control(self, action: Action, reason: str) -> bool:
        """Take what a person ordered; False if it has no effect in this mode."""
        locked = self.name in ("killed", "halted")
        if action == "stop":
            self._set("stopping", reason or "by hand")
        elif self.name == "stopping":
            return action == "kill"
        elif action == "kill":
            self._set("killed", reason or "by hand")
        elif action == "rearm" and locked:
            self.halted_by = ""
            self._set("paused", "re-armed; resume to quote")
        elif action == "flatten" and self.name != "flattening":
            self._after_flatten = (self.name, self.reason) if locked else ("paused", "the position is flat")
            self._set("flattening", reason or "by hand")
        elif action in ("pause", "resume") and not locked:
            self._set("paused" if action == "pause" else "run", (reason or "by hand") if action == "pause" else "")
        else:
            return False
        return True

    def halt(self, reason: str) -> bool:
        """A limit was reached; True if that is news and orders must be pulled."""
        if self.name in ("halted", "killed", "stopping"):
            self.halted_by = self.halted_by or reason
            return False
        self.halted_by = reason
        self._set("halted", reason)
        return True

    def flat(self) -> None:
        """The position that was to be closed is closed."""
        self._set(*self._after_flatten)

    def _set(self, name: ModeName, reason: str) -> None:
        self.name, self.reason = name, reason
