"""Settings of the venue: where it is, what is assumed of its queue and latency, which recording is replayed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from workbench.config.part import Part, Positive
from workbench.errors import ConfigError

__all__ = ["VenueConfig"]

WholeNumber = Annotated[int, Field(strict=True)]
Milliseconds = Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)]
VenueName = Literal["sim", "replay", "paper", "testnet", "lmex"]


class VenueConfig(Part):
    """Where it trades. `sim`, the simulated LMEX, needs nothing and is the default."""

    name: VenueName = "sim"
    url: str | None = Field(
        default=None, description="base address, e.g. http://127.0.0.1:8787; sim: started when absent; paper: LMEX"
    )
    dialect: Literal["v2.3", "v1"] = "v2.3"
    preset: Literal["lively", "btc"] = Field(default="lively", description="market of the simulated LMEX")
    dead_man_s: Positive | None = Field(
        default=None, description="venue cancels all after this silence; 60 live, 5 in sim"
    )
    credentials: str = Field(
        default="sim", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="name of a profile, never a key"
    )
    data: str | None = Field(default=None, description="replay: folder or URL of the catalog")
    data_venue: str | None = Field(
        default=None, description="replay: whose market, where the catalog has the symbol of several venues"
    )
    start: WholeNumber | str | None = Field(default=None, description="replay: from this time on, UTC text or ns")
    end: WholeNumber | str | None = Field(default=None, description="replay: up to this time")
    speed: Annotated[float, Field(ge=0, le=1e6)] = Field(
        default=1.0, description="replay: recorded seconds a second; 0: as fast as it can be computed"
    )
    latency_ms: tuple[Milliseconds, Milliseconds] = Field(
        default=(10.0, 10.0), description="replay, paper: way of a request to the venue, way of the answer back"
    )
    latency_tail_ms: tuple[Milliseconds, Milliseconds] = Field(
        default=(0.0, 0.0), description="replay, paper: mean of a random tail on either way, drawn from the seed"
    )
    latency_file: str | None = Field(
        default=None, description="replay: measured delays in place of these, a table of t_ns, entry_ns, response_ns"
    )
    queue: str = Field(
        default="power3", description="replay, paper: how an order's place in the queue is followed; own: 'module:name'"
    )
    queue_power: Positive = Field(default=3.0, description="replay, paper: the exponent of a power queue model")
    queue_source: str = Field(
        default="",
        max_length=200_000,
        repr=False,
        description="a queue function of one's own, written out; filled in from a QueueModel",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_queue_model(cls, settings: Any) -> Any:
        """A `QueueModel` itself in place of its name brings its power and its source."""
        queue = settings.get("queue") if isinstance(settings, Mapping) else None
        if callable(queue):
            raise ConfigError(["queue is a function; expected queue_model(...) of it, which takes its source along"])
        if queue is None or isinstance(queue, str) or not hasattr(queue, "not_portable"):
            return settings
        if queue.not_portable:
            raise ConfigError([f"queue: {queue.not_portable}"])
        return {"queue_source": queue.source, "queue_power": queue.power, **settings, "queue": queue.name}

    @model_validator(mode="after")
    def _one_latency(self) -> Self:
        if self.latency_file is None:
            return self
        if any(self.latency_tail_ms):
            raise ConfigError(["latency_file and latency_tail_ms are both given; expected one of them"])
        if self.name == "paper":
            raise ConfigError(
                ["latency_file has delays of times that are past; for paper give latency_ms and latency_tail_ms"]
            )
        return self

    @field_validator("start", "end", mode="before")
    @classmethod
    def _time_as_text(cls, value: Any) -> Any:
        """TOML has dates and times of its own."""
        return value.isoformat() if isinstance(value, date) else value

    @field_validator("speed", mode="before")
    @classmethod
    def _no_limit_is_zero(cls, value: Any) -> Any:
        return 0.0 if value in (math.inf, "inf") else value

    @property
    def matched_here(self) -> bool:
        """Orders are filled by our own queue model: nobody else sees them, the market's book never shows them."""
        return self.name in ("replay", "paper")

    @property
    def dead_man_seconds(self) -> float:
        """The dead-man time that is in force, seconds."""
        if self.dead_man_s is not None:
            return self.dead_man_s
        return 60.0 if self.name in ("lmex", "testnet") else 5.0
