"""Pushing: objects become attachments of a frame, and the head of a stack moves to it."""

from __future__ import annotations

import contextlib
import datetime
import html
import math
import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import quote

from blake3 import blake3

from dsp import types
from dsp.client import Client, client, segment
from dsp.encryption import without_encryption
from dsp.errors import (
    ConfigurationError,
    ConflictError,
    DspError,
    NotFoundError,
    RefusedError,
    tell,
)
from dsp.profiles import caller_of
from dsp.settings import settings
from dsp.showing import Shown
from dsp.stacks import resolve
from dsp.transfer import check
from dsp.types.base import Encoded
from dsp.types.cells import is_json
from dsp.widgets import Widget

_PIECE = 1 << 20
_INT_BITS = 64
_PATH_CHARACTERS = 1024
_PRIVATE = "private"
_LEVELS = ("private", "internal", "public")


class Tab:
    """A parameter that shows an attachment as a tab; made by `tab`."""

    def __init__(self, title: str | None = None) -> None:
        self.title = title

    def __repr__(self) -> str:
        return f"tab({self.title!r})"


def tab(title: str | None = None) -> Tab:
    """Returns the value of a parameter that makes its attachment a tab of the viewer.

    The title is the name of the parameter where none is given.
    """
    return Tab(title)


class FrameMeta(dict[str, Any]):
    """Parameters of a whole frame: `FrameMeta({"region": "EU"}, week=46)`.

    The key `message` is the message of the frame.
    """

    def __init__(self, data: Mapping[str, Any] | None = None, **values: Any) -> None:
        super().__init__({**(data or {}), **values})


class _HasEncode(Protocol):
    def encode(self, value: Any) -> Encoded: ...


Encoder = Callable[[Any], Encoded] | _HasEncode | str
"""A function, an object with `encode`, or the name of a type."""


@dataclass(frozen=True)
class PushResult(Shown):
    """What came of a push; as text it is the URL, and a pull takes it as it takes a reference."""

    id: str
    """The id of the frame."""
    url: str
    """`dsp://user/context/stack?rev=frame`: means this very frame for whoever has it."""
    reference: str
    """`stack@frame`, as it is written here."""
    unchanged: bool = False
    """Whether it equals the head, so that nothing was pushed."""

    page: str = ""
    """Where the daemon shows the stack in the browser."""

    def __repr__(self) -> str:
        said = " unchanged" if self.unchanged else ""
        return f"<PushResult {self.reference}{said}>"

    def __str__(self) -> str:
        return self.url

    def _repr_html_(self) -> str:
        said = "unchanged" if self.unchanged else "pushed"
        url, ref = html.escape(self.url, quote=True), html.escape(self.reference)
        shown = f"<code title='{url}'>{ref}</code>"
        if self.page:
            page = html.escape(self.page, quote=True)
            shown = f"<a href='{page}' target='_blank' rel='noopener'>{shown}</a>"
        return f"{said} {shown}"


@dataclass
class _Part:
    """An attachment that waits to be pushed; `hash` once its bytes are with the daemon."""

    encoded: Encoded
    description: str | None
    params: dict[str, Any]
    hash: str | None = None


class StackFrame:
    """A frame in the making: `commit` adds attachments, `push` puts it on top of its stack.

    In a `with` block it is pushed at the end, unless an error leaves the block.
    """

    def __init__(
        self,
        stack: str,
        *,
        access: str | None = None,
        auto_push: bool = False,
        caller: Client | None = None,
    ) -> None:
        self._client = caller or client()
        self.stack = resolve(self._client, stack)
        if str(stack).startswith("/") and ":" in self.stack:
            owner, _, name = self.stack.partition(":")
            raise RefusedError(
                f"`{stack}` is a stack of {owner}, and only stacks of yours are pushed to",
                hint=f'push to "{name}"; `dsp status` tells who you are here',
            )
        self.access = access
        self.auto_push = auto_push
        self.id: str | None = None
        """The id of the last frame pushed."""
        self._parts: list[_Part] = []
        self._inputs: list[str] = []
        self._widgets: dict[str, Widget] = {}
        self._pushed: PushResult | None = None
        self.stack = check_access(self._client, self.stack, access)
        # A push that fails can be repeated with the same files, until nobody has the frame.
        self._pid = os.getpid()
        weakref.finalize(self, _discard, self._parts, self._pid)

    def __repr__(self) -> str:
        return f"<StackFrame {self.stack}: {len(self._parts)} attachments>"

    def __enter__(self) -> StackFrame:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._pushed is None:
            self.push()
        else:
            self._discard()

    def commit(
        self,
        obj: Any,
        description: str | None = None,
        params: Mapping[str, Any] | None = None,
        encoder: Encoder | None = None,
        **kwargs: Any,
    ) -> StackFrame:
        """Adds an object as an attachment; keyword arguments are further parameters.

        The bytes are made here and now, so the object may change afterwards; a file is read when
        it is pushed. With `auto_push` a frame is pushed at once.

        Raises `UnsupportedObjectTypeException` for an object of no known type.
        """
        _text(description, "a description")
        checked = _params({**_mapping(params, "params"), **without_encryption(kwargs)})
        encoded = _encode(obj, encoder)
        if encoded.folder and (checked or description):
            raise ConfigurationError(
                f"{encoded.file} is a folder, which has no description or parameters",
                hint="say it of the frame: push(..., meta=FrameMeta(...), message=...)",
            )
        self._parts.append(_Part(encoded, description, checked))
        if self.auto_push:
            self._push(None, {}, {}, ())
        return self

    add = commit

    def input(self, ref: str) -> StackFrame:
        """Says that the frame is made from another: its lineage."""
        self._inputs.append(resolve(self._client, ref))
        return self

    def param(self, name: str, widget: Widget) -> StackFrame:
        """Says how pages ask for a parameter of the attachments: a label, a unit, a beginning.

        `frame.param("Coefficient", dsp.slider(unit="km", default=0.5))`. A parameter of which
        nothing is said gets a widget made of its values.
        """
        _text(name, "the name of a parameter")
        if not isinstance(widget, Widget):
            raise ConfigurationError(
                f"{widget!r} is no widget",
                hint="dsp.slider(), dsp.select(), dsp.radio(), dsp.combobox(), dsp.switch(), "
                "dsp.date_picker() or dsp.widget(); values of attachments go to commit()",
            )
        _wish(widget)
        self._widgets[name] = widget
        return self

    def push(
        self,
        meta: FrameMeta | Mapping[str, Any] | str | None = None,
        *,
        message: str | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: tuple[str, ...] | list[str] | str = (),
    ) -> PushResult:
        """Makes the frame and moves the head of the stack to it.

        `meta` has the parameters of the frame; a text, as in old dstack, is its message. When it
        returns, the frame survives a power cut. It can be repeated after an error: what arrived is
        not sent again.
        """
        if isinstance(meta, str):
            meta, message = None, meta
        values = _mapping(meta, "meta")
        message = message if message is not None else values.pop("message", None)
        _text(message, "a message")
        tags = [tags] if isinstance(tags, str) else tags
        checked = _params(values)
        if not (self._parts or checked or metrics or self._inputs):
            raise ConfigurationError(
                f"there is nothing to push to {self.stack}",
                hint="commit something before, or say its metrics or parameters",
            )
        if self.auto_push and self._pushed and not (checked or message or metrics or tags):
            return self._pushed
        return self._push(message, checked, dict(metrics or {}), tags)

    def _push(
        self,
        message: str | None,
        params: dict[str, Any],
        metrics: dict[str, float],
        tags: tuple[str, ...] | list[str],
    ) -> PushResult:
        if self.access == _PRIVATE:
            # Others may have been let in since; of other levels the beginning told.
            self.stack = check_access(self._client, self.stack, self.access)
        files = [
            {"path": path, **self._bytes(part), **_about(part)}
            for path, part in zip(self._paths(), self._parts, strict=True)
        ]
        check()
        pushed = self._client.steps(
            "/frames",
            {
                "stack": self.stack,
                "message": message or "",
                "params": params,
                "widgets": {name: _wish(widget) for name, widget in self._widgets.items()},
                "metrics": {name: metric(value) for name, value in metrics.items()},
                "files": files,
                "tags": list(tags),
                "inputs": self._inputs,
                "settings": settings(),
            },
        )
        self.id = str(pushed["frame"])
        node = self._client.get("/node")
        user = node["user"]
        address = node["address"] if self._client.local else self._client.address
        name = pushed["reference"].rpartition(":")[2]
        self._pushed = PushResult(
            id=self.id,
            url=f"dsp://{user}/{pushed['context']}/{name}?rev={self.id}",
            reference=f"{pushed['reference']}@{self.id[:8]}",
            unchanged=bool(pushed["unchanged"]),
            page=f"{address}/s/{quote(pushed['reference'])}",
        )
        if not self.auto_push:
            self._discard()
        return self._pushed

    def _paths(self) -> list[str]:
        """Names the attachments: after files, else after the stack, numbered in their order."""
        base = self.stack.rpartition(":")[2].rpartition("/")[2].partition("@")[0]
        digits = len(str(max(len(self._parts) - 1, 0)))
        paths: list[str] = []
        for at, part in enumerate(self._parts):
            number = f"-{at:0{digits}}" if len(self._parts) > 1 else ""
            path = part.encoded.name or f"{base}{number}{part.encoded.suffix}"
            stem, dot, end = path.rpartition(".")
            while path in paths:
                path = f"{stem}-{at}{dot}{end}" if stem else f"{path}-{at}"
                stem = f"{stem}-{at}" if stem else ""
            paths.append(path)
        return paths

    def _bytes(self, part: _Part) -> dict[str, Any]:
        """Says where the bytes of an attachment are, after sending those that have to be sent."""
        file = part.encoded.file
        if file is not None and self._client.local:
            return {"source": str(file)}
        if part.encoded.folder:
            raise RefusedError(
                f"the daemon at {self._client.address} cannot read the folder {file}",
                hint="commit its files one by one",
            )
        if part.hash is None:
            part.hash = send(self._client, part.encoded)
        return {"hash": part.hash}

    def _discard(self) -> None:
        _discard(self._parts, self._pid)


def _discard(parts: list[_Part], pid: int) -> None:
    """Deletes temporary files; a child after `fork` leaves those of its parent alone."""
    if pid == os.getpid():
        for part in parts:
            part.encoded.discard()


def send(caller: Client, encoded: Encoded) -> str:
    """Sends bytes that the daemon does not have yet, and returns their BLAKE3."""
    if encoded.data is not None:
        size = len(encoded.data)
    elif encoded.file is not None:
        size = encoded.file.stat().st_size
    else:
        raise DspError("an encoder returned neither data nor a file")
    known = _blake3(encoded)
    if caller.has_blob(known):
        return known
    return caller.upload(_pieces(encoded), size=size, blake3=known)


def _blake3(encoded: Encoded) -> str:
    """Hashes bytes beforehand, to ask whether the daemon has them."""
    hasher = blake3()
    for piece in _pieces(encoded):
        check()
        hasher.update(piece)
    return str(hasher.hexdigest())


def _pieces(encoded: Encoded) -> Iterator[bytes]:
    if encoded.data is not None:
        for start in range(0, len(encoded.data), _PIECE):
            yield encoded.data[start : start + _PIECE]
    elif encoded.file is not None:
        with encoded.file.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _about(part: _Part) -> dict[str, Any]:
    about = {
        "media": part.encoded.media,
        "app": part.encoded.app,
        "text": part.description,
        "params": part.params,
    }
    return {name: value for name, value in about.items() if value}


def _encode(obj: Any, encoder: Encoder | None) -> Encoded:
    if encoder is None:
        _tell_of_a_path(obj)
        return types.encode(obj)
    if isinstance(encoder, str):
        encoder = types.named(encoder)
    encode = getattr(encoder, "encode", encoder)
    if not callable(encode):
        raise ConfigurationError(f"{encoder!r} is no encoder", hint="pass a function")
    encoded = encode(obj)
    if not isinstance(encoded, Encoded):
        raise ConfigurationError(
            f"the encoder returned a {type(encoded).__name__}", hint="it has to be dsp.Encoded"
        )
    return encoded


def _tell_of_a_path(obj: Any) -> None:
    """Warns where a text is pushed that names a file: its author may mean the file."""
    if type(obj) is not str or len(obj) > _PATH_CHARACTERS or "\n" in obj:
        return
    with contextlib.suppress(OSError, ValueError):
        if (os.sep in obj or Path(obj).suffix) and Path(obj).is_file():
            tell(f"pushed the text {obj!r} and not the file of that name: pass pathlib.Path")


def param(value: Any) -> Any:
    """Returns a parameter as the API has it. A moment in no zone is one in UTC.

    Raises `ConfigurationError` for what no parameter can be, or would be kept as something else.
    """
    if isinstance(value, Tab):
        return {"t": "tab", "v": value.title}
    match _plain(value):
        case None | bool() | str() as plain:
            return plain
        case int() as plain if plain.bit_length() < _INT_BITS or plain == -(1 << _INT_BITS - 1):
            return plain
        case float() as plain:
            return plain if math.isfinite(plain) else {"t": "f", "v": _special(plain)}
        case datetime.datetime() as moment:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
            return {"t": "datetime", "v": moment.isoformat().replace("+00:00", "Z")}
        case datetime.date() as day:
            return {"t": "date", "v": day.isoformat()}
        case list() | dict() as nested if is_json(nested):
            return {"t": "json", "v": nested}
        case _:
            raise ConfigurationError(
                f"a parameter cannot be a {type(value).__name__}: {value!r}",
                hint="numbers up to 64 bits, text, truth values, dates, and lists and dicts of "
                "what JSON has can",
            )


def _plain(value: Any) -> Any:
    """Returns a scalar of NumPy as Python has it, if it is the same there."""
    if type(value).__module__ != "numpy" or not hasattr(value, "item") or hasattr(value, "__len__"):
        return value
    plain = value.item()
    # Nanoseconds are numbers there, of which nobody knows what they count.
    return value if value.dtype.kind in "mM" and isinstance(plain, int) else plain


def _wish(widget: Widget) -> dict[str, Any]:
    """Returns a widget as the API has it."""
    said = {
        "kind": widget.kind,
        "label": widget.label,
        "unit": widget.unit,
        "default": None if widget.default is None else param(widget.default),
        "values": [param(value) for value in widget.values],
        "order": widget.order,
        "hidden": widget.hidden,
    }
    for name in ("kind", "label", "unit"):
        _text(said[name], f"the {name} of a widget")
    return {name: value for name, value in said.items() if value is not None}


def _params(given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        _text(name, "the name of a parameter")
    return {name: param(value) for name, value in given.items() if value is not None}


def _mapping(given: Any, what: str) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise ConfigurationError(
            f"{what} is a dict of names and values, and this is a {type(given).__name__}",
            hint=f'{what}={{"region": "EU"}}',
        )
    return dict(given or {})


def _text(given: object, what: str) -> None:
    if given is not None and not isinstance(given, str):
        raise ConfigurationError(
            f"{what} is a text, and this is a {type(given).__name__}: {given!r}",
            hint="push(stack, object, description, message=...); parameters go by their names",
        )


def metric(value: Any) -> Any:
    """Returns a metric, a number, as the API has it."""
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"a metric is a number, and {value!r} is none")
    return value if isinstance(value, int) or math.isfinite(value) else _special(value)


def _special(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def check_access(caller: Client, stack: str, access: str | None) -> str:
    """Honours dstack's access levels as far as contexts can; returns the stack to push to.

    A new `private` stack goes where only I read: to the context that is named or the current one,
    else, where none is named, to one called `private`, as the pushes of dstack's own clients do. It
    is refused in a context that somebody else reads or may read.
    """
    if access is None:
        return stack
    if access not in _LEVELS:
        raise ConfigurationError(
            f"there is no access `{access}`",
            hint=f"it is one of {', '.join(_LEVELS)}; name a message by message=",
        )
    if access != _PRIVATE:
        tell(f"access={access!r} shares nothing by itself: dsp.share() makes a ticket for readers")
        return stack
    named, _, name = stack.rpartition(":")
    if named in ("", "me"):
        try:
            found = caller.get("/stack", {"ref": f"me:{name}"})
            # In full: without a context it would be pushed to the current one.
            label = str(caller.get(f"/contexts/{segment(found['context'])}")["label"])
            stack = f"me/{label}:{name}"
        except NotFoundError:
            label = str(caller.get("/node")["context"])
            if not _is_private(caller.get(f"/contexts/{segment(label)}")):
                label, stack = _PRIVATE, f"me/{_PRIVATE}:{name}"
                _make_private(caller)
    else:
        label = named.rpartition("/")[2]
    context = caller.get(f"/contexts/{segment(label)}")
    if not _is_private(context):
        raise RefusedError(
            f"`{stack}` would not be private: others read the context {context['label']}, or may",
            hint="`dsp context new NAME` makes a private one; push to `me/NAME:STACK`",
        )
    return stack


def _is_private(context: Mapping[str, Any]) -> bool:
    return bool(context["access"] == _PRIVATE and context["members"] <= 1)


def _make_private(caller: Client) -> None:
    """Makes the context for stacks that only I may read, unless it is there."""
    about = "stacks that only I may read"
    with contextlib.suppress(ConflictError):
        caller.post("/contexts", {"name": _PRIVATE, "about": about, "access": _PRIVATE})


def create_frame(
    stack: str,
    profile: str = "default",
    access: str | None = None,
    auto_push: bool = False,
    check_access: bool = True,
) -> StackFrame:
    """Begins a frame of a stack, with dstack's signature.

    With `auto_push` each `commit` makes a frame of all that was committed so far, and `push` makes
    one more only where it adds a message, parameters, metrics or tags. `check_access` is accepted
    for old code: access is always checked.
    """
    return StackFrame(stack, access=access, auto_push=auto_push, caller=caller_of(profile))


frame = create_frame


def push(
    stack: str,
    obj: Any,
    description: str | None = None,
    access: str | None = None,
    meta: FrameMeta | Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    encoder: Encoder | None = None,
    profile: str = "default",
    *,
    message: str | None = None,
    **kwargs: Any,
) -> PushResult:
    """Pushes one object as a frame; keyword arguments are further parameters of its attachment.

    `obj` may be a path, a table, a plot, a model, text, JSON or bytes. `meta` has the parameters
    of the frame.

    Raises `UnsupportedObjectTypeException`, `RefusedError` and other `DspError`s.
    """
    made = create_frame(stack, profile, access)
    made.commit(obj, description, params, encoder, **kwargs)
    return made.push(meta, message=message)


def push_frame(
    stack: str,
    obj: Any,
    description: str | None = None,
    access: str | None = None,
    message: str | None = None,
    params: Mapping[str, Any] | None = None,
    encoder: Encoder | None = None,
    profile: str = "default",
    handler: Encoder | None = None,
    **kwargs: Any,
) -> PushResult:
    """Pushes one object as a frame, with the signature of dstack before 0.5.

    `handler` is the old name of `encoder`. The URL of the result is its page, as it was then.
    """
    made = create_frame(stack, profile, access)
    made.commit(obj, description, params, encoder or handler, **kwargs)
    result = made.push(message=message)
    return replace(result, url=result.page)
