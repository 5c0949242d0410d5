"""Stacks and frames, as they are read."""

from __future__ import annotations

import builtins
import datetime
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsp import types
from dsp.attachment import Attachment
from dsp.client import Client, client, segment
from dsp.errors import (
    ConfigurationError,
    ConflictError,
    MatchError,
    NotFoundError,
    StackNotFoundError,
)
from dsp.reference import reference
from dsp.showing import Shown
from dsp.types.csvw import METADATA
from dsp.widgets import Widget

Decoder = Callable[[Attachment], Any]
_MISSING = object()
_DIGITS = 6
"""Digits of a second that a `datetime` has."""
_SHOWN = 5
"""How many lines a notebook shows of a stack or a frame."""


@dataclass(frozen=True)
class Input:
    """What a frame was made from: `frame` is None where its author withheld it."""

    frame: str | None
    name: str | None


class Frame(Shown):
    """An immutable revision of a stack."""

    def __init__(self, info: Mapping[str, Any], caller: Client) -> None:
        self._info = info
        self._client = caller

    def __repr__(self) -> str:
        return f"<Frame {self.reference}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>#{_h(one.path)}</code></td><td>{_h(one.media)}</td>"
            f"<td>{one.size:,} bytes</td><td>{_h(one.description or '')}</td></tr>"
            for one in self.attachments[:_SHOWN]
        )
        said = f"{_h(self.time)} {_h(self.message)}".strip()
        return f"<b>{_h(self.reference)}</b> {said}<table>{rows}</table>"

    @property
    def id(self) -> str:
        """The id: 64 hexadecimal digits."""
        return str(self._info["id"])

    @property
    def reference(self) -> str:
        """`stack@id`, which means this very frame."""
        return str(self._info["reference"])

    @property
    def message(self) -> str:
        """What the frame is about."""
        return str(self._info["message"])

    @property
    def time(self) -> str:
        """When it was made, RFC 3339, by its author's clock."""
        return str(self._info["time"])

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the frame."""
        return {name: value_of(value) for name, value in self._info["params"].items()}

    @property
    def settings(self) -> dict[str, Any]:
        """What made it, as its author's program says: `client`, `python`, `libraries`."""
        return dict(self._info.get("settings", {}))

    @property
    def widgets(self) -> dict[str, Widget]:
        """How its author wishes parameters of its attachments to be asked for."""
        return {
            name: Widget(
                kind=said.get("kind"),
                label=said.get("label"),
                unit=said.get("unit"),
                default=value_of(said.get("default")),
                values=tuple(value_of(value) for value in said.get("values", [])),
                order=said.get("order"),
                hidden=said.get("hidden", False),
            )
            for name, said in self._info.get("widgets", {}).items()
        }

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics: numbers by name."""
        return {
            name: float(v) if isinstance(v, str) else v for name, v in self._info["metrics"].items()
        }

    @property
    def tags(self) -> list[str]:
        """Tags on it."""
        return list(self._info["tags"])

    @property
    def parents(self) -> list[str]:
        """The ids of the frames before it."""
        return list(self._info["parents"])

    @property
    def inputs(self) -> list[Input]:
        """What it was made from."""
        return [Input(item.get("frame"), item.get("name")) for item in self._info["inputs"]]

    @property
    def attachments(self) -> builtins.list[Attachment]:
        """All attachments, by path."""
        files = self._info["files"]
        if self._info["files_total"] > len(files):
            files = self._client.pages("/files", {"ref": self.reference})
        return [self._attachment(file) for file in files]

    def attachment(
        self,
        which: str | int | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        among: Sequence[Attachment] | None = None,
    ) -> Attachment:
        """Returns one attachment: by path, by index from zero, or the first with parameters.

        Raises `MatchError` that lists what there is.
        """
        every = found = list(self.attachments if among is None else among)
        if isinstance(which, int) and 0 <= which < len(found):
            return found[which]
        if isinstance(which, str):
            found = [one for one in found if one.path == which]
        wanted = _wanted(params or {})
        for one in found if not isinstance(which, int) else []:
            if _holds(one.params, wanted):
                return one
        if not every:
            raise MatchError(f"{self.reference} has no attachments", hint="it has parameters alone")
        asked = ", ".join(f"{name}={value!r}" for name, value in wanted.items()) or repr(which)
        named = {one.path for one in every}
        meant = [one for one in every if not _is_note(one.path, named)]
        raise MatchError(
            f"no attachment of {self.reference} fits {asked}",
            candidates=[f"#{one.path} {dict(one.params) or ''}".rstrip() for one in meant[:10]],
            hint=".attachments lists all",
        )

    def history(self) -> Iterator[Frame]:
        """Gives this frame and those behind it that are here, the latest first."""
        stack = self.reference.rpartition("@")[0]
        for entry in self._client.pages("/log", {"ref": self.reference}):
            if entry["here"]:
                ref = f"{stack}@{entry['id']}"
                yield Frame(self._client.get("/frame", {"ref": ref}), self._client)

    def latest(self, meta: Mapping[str, Any]) -> Frame:
        """Returns the latest frame, from this one back, whose parameters hold all of `meta`.

        The key `message` asks for a message. Raises `MatchError` where there is none.
        """
        wanted = _wanted(meta)
        message = wanted.pop("message", None)
        for one in self.history():
            if message in (None, one.message) and _holds(one.params, wanted):
                return one
        asked = ", ".join(f"{name}={value!r}" for name, value in meta.items())
        raise MatchError(
            f"no frame of {self.reference}, or behind it, has {asked}",
            hint="dsp.stack(...).frames() gives all that are here",
        )

    def pull(
        self,
        which: str | int | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        decoder: Decoder | str | object | None = None,
        allow_pickle: bool = False,
    ) -> Any:
        """Returns an attachment as an object; see `dsp.pull`."""
        one = self.attachment(which, params)
        if allow_pickle:
            one = replace(one, _allow_code=True)
        if decoder is None:
            return types.decode(one)
        if isinstance(decoder, str):
            return types.named(decoder).decode(one)
        decode = getattr(decoder, "decode", decoder)
        if not callable(decode):
            raise ConfigurationError(f"{decoder!r} is no decoder", hint="pass a function or a name")
        return decode(one)

    def _attachment(self, file: Mapping[str, Any]) -> Attachment:
        return Attachment(
            path=file["path"],
            hash=file["hash"],
            size=file["size"],
            media=file["media"],
            reference=f"{self.reference}#{file['path']}",
            app=file.get("app"),
            description=file.get("text"),
            params={name: value_of(value) for name, value in file.get("params", {}).items()},
            user=self._info["stack"]["user"],
            _client=self._client,
        )


class Stack(Shown):
    """A named line of frames."""

    def __init__(self, info: Mapping[str, Any], caller: Client) -> None:
        self._info = info
        self._client = caller

    def __repr__(self) -> str:
        return f"<Stack {self.reference}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{_h(one.id[:8])}</code></td><td>{_h(one.time)}</td>"
            f"<td>{_h(one.message)}</td></tr>"
            for _, one in zip(range(_SHOWN), self.frames(), strict=False)
        )
        return f"<b>{_h(self.reference)}</b><table>{rows}</table>"

    @property
    def reference(self) -> str:
        """The shortest reference that names it here."""
        return str(self._info["reference"])

    @property
    def name(self) -> str:
        """Its name, without user and context."""
        return str(self._info["name"])

    @property
    def context(self) -> str:
        """The id of the context it is in."""
        return str(self._info["context"])

    @property
    def user(self) -> str:
        """The id of its owner."""
        return str(self._info["user"])

    @property
    def tags(self) -> dict[str, str]:
        """Tags, and the ids of the frames they are on, as they are now."""
        return dict(self._now()["tags"])

    @property
    def only_bytes(self) -> int | None:
        """How many bytes the only attachment of the head has; None where it has another number."""
        head = self._info.get("head") or {}
        return int(head["bytes"]) if head.get("files") == 1 else None

    @property
    def head(self) -> Frame:
        """The current frame."""
        return self.frame("head")

    def frame(self, rev: str = "head") -> Frame:
        """Returns a frame: `head`, `head~2`, a tag, or the beginning of an id."""
        ref = f"{self.reference}@{rev}"
        return Frame(self._client.get("/frame", {"ref": ref}), self._client)

    def frames(self) -> Iterator[Frame]:
        """Gives the frames that are here, the latest first."""
        for entry in self._client.pages("/log", {"ref": self.reference}):
            if entry["here"]:
                yield self.frame(entry["id"])

    def diff(self, before: str = "head~1", after: str = "head") -> dict[str, Any]:
        """Tells what differs between two revisions: params, metrics, files, inputs, message."""
        query = {"ref": f"{self.reference}@{before}", "to": f"{self.reference}@{after}"}
        found: dict[str, Any] = self._client.get("/diff", query, long=True)
        return found

    def tag(self, name: str, rev: str = "head") -> None:
        """Puts a tag on a frame, or moves it there."""
        self._client.post("/tags", {"ref": f"{self.reference}@{rev}", "tag": name})

    def untag(self, name: str) -> None:
        """Takes a tag away; `dsp undo` brings it back."""
        self._client.post("/tags", {"ref": self.reference, "tag": name, "remove": True})

    def lineage(self, rev: str = "head", depth: int = 16) -> dict[str, Any]:
        """Returns what a frame was made from, and that in turn, as far as it is known here.

        A map with `frame`, `name` and `inputs`, a list of such maps; at most `depth` levels.
        """
        return self._line(self.frame(rev), depth)

    def _line(self, frame: Frame, depth: int) -> dict[str, Any]:
        inputs = []
        for one in frame.inputs:
            found: dict[str, Any] = {"frame": one.frame, "name": one.name, "inputs": []}
            if depth > 1 and one.frame and one.name:
                name = one.name.partition("#")[0].partition("@")[0]
                try:
                    below = self._client.get("/frame", {"ref": f"{name}@{one.frame}"})
                except NotFoundError:
                    below = None
                if below is not None:
                    found["inputs"] = self._line(Frame(below, self._client), depth - 1)["inputs"]
            inputs.append(found)
        return {"frame": frame.id, "name": frame.reference, "inputs": inputs}

    def pull(self, params: Mapping[str, Any] | None = None, **values: Any) -> Any:
        """Returns an attachment of the head as an object."""
        return self.head.pull(params={**(params or {}), **values})

    def remove(self) -> None:
        """Removes the stack of mine; followers keep their bytes, and `dsp undo` brings it back."""
        self._client.delete("/stack", {"ref": self.reference})

    def _now(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.get("/stack", {"ref": self.reference})
        return found


@dataclass(frozen=True)
class Hit:
    """A frame that fits a search."""

    reference: str
    stack: str
    message: str
    time: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    tags: tuple[str, ...]
    columns: tuple[Mapping[str, Any], ...] = ()
    """Columns of its tables that fit: `path` of the attachment, `name` and `type`."""


def _is_note(path: str, named: set[str]) -> bool:
    """Tells whether it is the note of types beside a CSV, which nobody means by parameters."""
    return path.endswith(METADATA) and path.removesuffix(METADATA) in named


def stack(ref: str) -> Stack:
    """Finds a stack: `sales/weekly`, `alice:sales/weekly`, or dstack's `/alice/sales`.

    Raises `StackNotFoundError`.
    """
    caller = client()
    try:
        return Stack(caller.get("/stack", {"ref": resolve(caller, ref)}), caller)
    except NotFoundError as error:
        raise _stack_not_found(error) from None


def resolve(caller: Client, text: str) -> str:
    """Returns the reference that a text means; in `/alice/sales` Alice may be me.

    She is unless a peer has that petname, as it means the peer everywhere else.

    Raises `ConfigurationError` for what is no text.
    """
    if isinstance(text, Shown) and hasattr(text, "reference"):
        text = str(text.reference)
    if not isinstance(text, str):
        raise ConfigurationError(
            f"a stack is named by a text, and this is a {type(text).__name__}",
            hint='the name comes first: dsp.push("sales/weekly", table)',
        )
    user, _, name = text[1:].partition("/")
    if text.startswith("/") and name and user == caller.get("/node")["name"]:
        try:
            caller.get(f"/peers/{segment(user)}")
        except NotFoundError:
            return name
    return reference(text)


def frame_of(ref: str, caller: Client) -> tuple[Frame, str | None]:
    """Finds the frame that a reference means, and the path after its `#`."""
    name, _, path = resolve(caller, ref).partition("#")
    try:
        try:
            info = caller.get("/frame", {"ref": name})
        except ConflictError as error:
            if error.code == "ambiguous":
                raise
            # The head came before its frame.
            caller.steps("/fetch", {"ref": name})
            info = caller.get("/frame", {"ref": name})
        return Frame(info, caller), path or None
    except NotFoundError as error:
        raise _stack_not_found(error) from None


def _stack_not_found(error: NotFoundError) -> NotFoundError:
    if isinstance(error, StackNotFoundError):
        return error
    return StackNotFoundError(
        error.detail,
        code=error.code,
        hint=error.hint,
        causes=error.causes,
        candidates=error.candidates,
    )


def ls(context: str | None = None) -> list[Stack]:
    """Lists the stacks of a context, the current one when left out, the latest first."""
    caller = client()
    return [Stack(info, caller) for info in caller.pages("/stacks", {"context": context})]


def search(text: str, context: str | None = None, *, mine: bool = False) -> list[Hit]:
    """Finds frames by name, message, params, tags, metrics and columns, as `dsp search` does."""
    query = {"q": text, "context": context, "mine": mine or None}
    return [
        Hit(
            reference=hit["reference"],
            stack=hit["stack"],
            message=hit["message"],
            time=hit["time"],
            params=hit["params"],
            metrics=hit["metrics"],
            tags=tuple(hit["tags"]),
            columns=tuple(hit.get("columns", ())),
        )
        for hit in client().pages("/search", query)
    ]


def _param(value: Any) -> Any:
    from dsp.pushing import param

    return param(value)


def value_of(value: Any) -> Any:
    """Returns a parameter as Python has it: what JSON can say is unwrapped."""
    if isinstance(value, dict) and value.get("t") == "json":
        return value.get("v")
    if isinstance(value, dict) and value.get("t") == "f":
        return float(value["v"])
    if isinstance(value, dict) and value.get("t") in ("date", "datetime"):
        return _moment(value)
    return value


def _moment(value: dict[str, Any]) -> Any:
    """Reads a date, or a moment; one that Python has no type for stays as it is."""
    text = str(value["v"])
    try:
        if value["t"] == "date":
            return datetime.date.fromisoformat(text)
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return value
    # Digits behind microseconds are dropped without a word.
    _, _, fraction = text.rstrip("Z").partition("+")[0].partition(".")
    return moment if len(fraction) <= _DIGITS else value


def _wanted(params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns parameters to look for as they are read; None asks for nothing, as in a push."""
    return {name: value_of(_param(v)) for name, v in params.items() if v is not None}


def _holds(params: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(_equal(params.get(name, _MISSING), value) for name, value in wanted.items())


def _equal(one: Any, other: Any) -> bool:
    both_nan = one != one and other != other
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other or both_nan)


def _h(text: str) -> str:
    return html.escape(text)
