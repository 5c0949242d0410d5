"""Watching bytes go by: a progress bar where somebody looks, and the way to stop in the middle."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

LONG_BYTES = 8 << 20
"""A transfer of less gets no bar, however slow it is."""
_DELAY_SECONDS = 1.0
"""A transfer that is over sooner gets no bar."""

checkpoint: ContextVar[Callable[[], None] | None] = ContextVar("checkpoint", default=None)
"""Called between two pieces, and before a frame is made; raises where the caller gave up."""


def check() -> None:
    """Raises where the caller gave up, as a cancelled task does."""
    asked = checkpoint.get()
    if asked is not None:
        asked()


def watched(pieces: Iterable[bytes], what: str, total: int | None) -> Iterator[bytes]:
    """Gives the pieces on, showing how far it is; `total` is in bytes, where it is known."""
    with bar(what, total) as advance:
        for piece in pieces:
            check()
            yield piece
            advance(len(piece))


@contextlib.contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Shows a bar on a terminal or in a notebook, where tqdm is installed and it takes long.

    `DSP_PROGRESS=0` turns bars off. What it gives is called with the bytes that were done since.
    """
    kind = _tqdm() if total is not None and total >= LONG_BYTES else None
    if kind is None:
        yield lambda _: None
        return
    with kind(
        total=total,
        desc=what,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        delay=_DELAY_SECONDS,
        leave=False,
    ) as shown:
        yield shown.update


def _tqdm() -> Any:
    """Returns the class of bars that fits what the user looks at, or nothing if she does not."""
    notebook = in_notebook()
    if os.environ.get("DSP_PROGRESS") == "0" or not (notebook or _terminal()):
        return None
    try:
        if notebook and find_spec("ipywidgets") is not None:
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        return None
    return tqdm


def _terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # There is no stderr, or it is closed.
        return False


def in_notebook() -> bool:
    """Tells whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
