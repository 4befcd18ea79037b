"""What a configuration says of how orders are filled here: the backtest's latencies and queue models."""

from __future__ import annotations

from workbench.backtest import ConstantLatency, JitteredLatency, MeasuredLatency, QueueModel, queue_model
from workbench.config import VenueConfig

__all__ = ["latency_of", "queue_of"]


def queue_of(venue: VenueConfig) -> QueueModel:
    """How an order's place in its queue is followed.

    Raises
    ------
    ConfigError
        For an unknown name, or a function that cannot be found or compiled here.
    """
    return queue_model(venue.queue, venue.queue_power, venue.queue_source)


def latency_of(venue: VenueConfig) -> ConstantLatency | JitteredLatency | MeasuredLatency:
    """How long requests and answers take.

    Raises
    ------
    ConfigError
        If measured delays cannot be read.
    """
    if venue.latency_file is not None:
        return MeasuredLatency.read(venue.latency_file)
    entry_s, response_s = (way / 1e3 for way in venue.latency_ms)
    if not any(venue.latency_tail_ms):
        return ConstantLatency(entry_s, response_s)
    return JitteredLatency(entry_s, response_s, *(tail / 1e3 for tail in venue.latency_tail_ms))
