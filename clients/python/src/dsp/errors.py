"""What can go wrong, each with its cause and the way out.

The text of an error ends with `cause:` and `hint:` lines where the daemon, or this package, knows
them, so that the last lines of a traceback say what to do.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import traceback
import warnings
from collections.abc import Mapping, Sequence
from typing import Any


class DspWarning(UserWarning):
    """Something that was done, but perhaps not as the caller thinks."""


class DspError(Exception):
    """Anything that this package refuses or cannot do.

    `code` is the stable word of the daemon's problem, such as `not_found`; empty where the error
    did not come from the daemon.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str = "",
        hint: str | None = None,
        causes: Sequence[str] = (),
        candidates: Sequence[str] = (),
    ) -> None:
        detail = _short(detail)
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.hint = hint
        self.causes = tuple(_short(cause) for cause in causes)
        self.candidates = tuple(candidates)

    def __str__(self) -> str:
        lines = [self.detail]
        lines += [f"cause: {cause}" for cause in self.causes]
        lines += [f"could be: {candidate}" for candidate in self.candidates]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """Returns what a notebook shows: the lines of the user, and none of this package."""
        frames = traceback.extract_tb(self.__traceback__)
        own = [one for one in frames if not _is_inner(one.filename)]
        kind = f"{type(self).__module__}.{type(self).__qualname__}"
        head = "Traceback (most recent call last):\n"
        return [head, *traceback.format_list(own), f"{kind}: {self}"]


class DaemonNotFoundError(DspError):
    """No daemon runs, and none can be started."""


class UnauthorizedError(DspError):
    """The token is missing, wrong, or not good for that."""


class RefusedError(DspError):
    """The daemon, or this package, refuses to do it."""


class NotFoundError(DspError):
    """There is no such stack, frame or attachment."""


class StackNotFoundError(NotFoundError):
    """There is no such stack: the name that dstack had for it."""


class ConflictError(DspError):
    """Not possible in this state: bytes that are not here, or a name that fits several things."""


class MatchError(DspError):
    """No attachment of the frame has these parameters."""


MatchException = MatchError


class UnsupportedObjectTypeException(DspError, TypeError):
    """No type is known for the object, or the type cannot hold one of its values without loss."""


class UntrustedError(RefusedError):
    """Loading would run code that somebody else wrote."""


class ConfigurationError(DspError):
    """What is configured makes no sense."""


class ConnectionLostError(DspError):
    """The connection to the daemon broke off."""


class VersionMismatchError(DspError):
    """This package and the daemon are of versions that do not understand each other."""


def tell(text: str) -> None:
    """Warns, at the line of the user that led here, whatever is between."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and _is_inner(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, DspWarning, stacklevel=level)


def _is_inner(file: str) -> bool:
    return file.startswith(_INNER) or f"{os.sep}IPython{os.sep}" in file


_INNER = (os.path.dirname(__file__) + os.sep, contextlib.__file__)
_LONG_ID = re.compile(r"@([0-9a-f]{8})[0-9a-f]{56}\b")


def _short(text: str) -> str:
    """Returns a text whose references have the first digits of a frame's id, as people read it."""
    return _LONG_ID.sub(r"@\1", text)


_BY_CODE: dict[str, type[DspError]] = {
    "unauthorized": UnauthorizedError,
    "refused": RefusedError,
    "misdirected": RefusedError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "blob_not_local": ConflictError,
    "ambiguous": ConflictError,
}


def of_problem(problem: Mapping[str, Any]) -> DspError:
    """Returns the error that an RFC 9457 problem of the daemon stands for."""
    code = _text(problem.get("code"))
    detail = _text(problem.get("detail")) or _text(problem.get("title")) or "the daemon refused"
    kind = _BY_CODE.get(code, DspError)
    if code == "not_found" and detail.startswith("no stack "):
        kind = StackNotFoundError
    return kind(
        detail,
        code=code,
        hint=_text(problem.get("hint")) or None,
        causes=_texts(problem.get("causes")),
        candidates=_texts(problem.get("candidates")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
