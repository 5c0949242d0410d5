"""dstack's log of calls: `dsp.logger.enable()`, for whoever has to find out what went wrong.

A line of JSON for each call: when, what, what came of it, how long it took. Tokens, names of files
and what is pushed or pulled are never in it.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from dsp.errors import ConfigurationError
from dsp.home import home

Line = Callable[[str], object]

_lock = threading.Lock()
if hasattr(os, "register_at_fork"):
    # A thread that a child has not may have held it.
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))
_write: Line | None = None


def enable(
    erasure_flags: Mapping[str, bool] | None = None,
    logger: logging.Logger | Line | None = None,
) -> Path | None:
    """Logs each call from now on, and returns the file of today.

    It is `client-YYYY-MM-DD.log` in the folder `logs` of the daemon's home, or nothing where
    `logger` takes the lines: a `logging.Logger`, or a function of a text. `erasure_flags` is
    accepted for old code: what it could have kept in is always left out.
    """
    global _write
    if isinstance(logger, logging.Logger):
        _write = logger.info
    elif callable(logger):
        _write = logger
    elif logger is None:
        _write = _to_file
        return _file()
    else:
        raise ConfigurationError(
            f"a {type(logger).__name__} takes no lines",
            hint="pass a logging.Logger, or a function of a text",
        )
    return None


def disable() -> None:
    """Ends the log."""
    global _write
    _write = None


class Call:
    """A call under way: `status` is set once it is answered."""

    status: int | None = None


@contextlib.contextmanager
def logged(method: str, path: str) -> Iterator[Call]:
    """Logs what comes of a call, an error too."""
    call = Call()
    begun = time.monotonic()
    error: BaseException | None = None
    try:
        yield call
    except BaseException as failed:
        error = failed
        raise
    finally:
        if _write is not None:
            told = {
                "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
                "pid": os.getpid(),
                "method": method,
                "path": f"/api/v1/{path.lstrip('/')}",
                "status": call.status,
                "seconds": round(time.monotonic() - begun, 4),
            }
            if error is not None:
                told["error"] = type(error).__name__
                told["code"] = getattr(error, "code", "") or None
            _write(json.dumps(told))


def _file() -> Path:
    return home() / "logs" / f"client-{datetime.date.today().isoformat()}.log"


def _to_file(line: str) -> None:
    """Adds a line; a log that cannot be written is no reason for a call to fail."""
    path = _file()
    with _lock, contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a") as file:
            file.write(f"{line}\n")
