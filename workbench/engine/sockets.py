"""ZeroMQ sockets that end with their owner."""

from __future__ import annotations

import weakref
from typing import Any

import zmq

__all__ = ["ended_with"]


def ended_with(owner: object, context: zmq.Context[Any], *sockets: zmq.Socket[Any]) -> weakref.finalize[..., Any]:
    """What closes the sockets and their context, once: when it is called, or when the owner is collected unclosed.

    Left to the collector, a context waits for ever for a socket that is collected with it.
    """
    ending = weakref.finalize(owner, _end, context, sockets)
    # At the end of the process nobody waits for them, and another thread may be using them.
    ending.atexit = False
    return ending


def _end(context: zmq.Context[Any], sockets: tuple[zmq.Socket[Any], ...]) -> None:
    for socket in sockets:
        socket.close(linger=0)
    context.term()
