"""Text, Markdown, JSON and bytes."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from dsp.errors import DspWarning, UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment


class Markdown(str):
    """Text that is shown as Markdown."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


class Text:
    """`str`, `Markdown` and IPython's Markdown: UTF-8, every character as it is."""

    name = "text"

    def matches(self, value: object) -> bool:
        return isinstance(value, str) or instance(value, "IPython.display", "Markdown")

    def encode(self, value: Any) -> Encoded:
        if not isinstance(value, str):
            value = Markdown(value.data)
        if type(value) not in (str, Markdown):
            kept = "a dsp.Markdown" if isinstance(value, Markdown) else "a str"
            warnings.warn(
                f"a {type(value).__name__} comes back as {kept}", DspWarning, stacklevel=6
            )
        data = _utf8(value)
        if isinstance(value, Markdown):
            return Encoded(".md", "text/markdown", "markdown", data=data)
        return Encoded(".txt", "text/plain", "python/str", data=data)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.media in ("text/plain", "text/markdown")

    def decode(self, attachment: Attachment) -> str:
        text = attachment.text()
        return Markdown(text) if attachment.media == "text/markdown" else text


class Bytes:
    """`bytes`, `bytearray` and `memoryview`; they come back as `bytes`."""

    name = "bytes"

    def matches(self, value: object) -> bool:
        return isinstance(value, bytes | bytearray | memoryview)

    def encode(self, value: Any) -> Encoded:
        return Encoded(".bin", "application/octet-stream", "python/bytes", data=bytes(value))

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "python/bytes"

    def decode(self, attachment: Attachment) -> bytes:
        return attachment.read()


class Json:
    """What JSON can say without loss: `dict`, `list`, `int`, `float`, `bool` and `None`."""

    name = "json"

    def matches(self, value: object) -> bool:
        return value is None or isinstance(value, dict | list | int | float | bool)

    def encode(self, value: Any) -> Encoded:
        try:
            _check(value, "the value")
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (RecursionError, ValueError) as error:
            raise UnsupportedObjectTypeException(
                "the value holds itself, or is nested deeper than JSON is read", causes=[str(error)]
            ) from error
        if isinstance(value, dict | list) and type(value) not in (dict, list):
            kind = "dict" if isinstance(value, dict) else "list"
            warnings.warn(
                f"a {type(value).__name__} comes back as a {kind}", DspWarning, stacklevel=6
            )
        return Encoded(".json", "application/json", "python/json", data=_utf8(text))

    def reads(self, attachment: Attachment) -> bool:
        return attachment.media == "application/json"

    def decode(self, attachment: Attachment) -> Any:
        try:
            return json.loads(attachment.text())
        except (ValueError, RecursionError) as error:
            raise unreadable(attachment, "JSON", error) from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UnsupportedObjectTypeException(
            f"character {error.start} of the text is half of a surrogate pair",
            hint='text.encode("utf-16", "surrogatepass").decode("utf-16") joins pairs',
        ) from error


def _check(value: object, where: str) -> None:
    """Refuses what JSON would change: NaN, tuples, keys that are no text, classes of one's own."""
    match value:
        case None | bool() | str():
            return
        case int() | float() if type(value) in (int, float):
            if value != value or value in (float("inf"), float("-inf")):
                raise _loses(where, f"{value}, which JSON has no number for")
        case list():
            for at, item in enumerate(value):
                _check(item, f"{where}[{at}]")
        case dict():
            for key, item in value.items():
                if type(key) is not str:
                    raise _loses(where, f"the key {key!r}, and JSON has text keys alone")
                _check(item, f"{where}[{key!r}]")
        case _:
            raise _loses(where, f"a {type(value).__name__}, which JSON cannot hold")


def _loses(where: str, what: str) -> UnsupportedObjectTypeException:
    return UnsupportedObjectTypeException(
        f"{where} is or has {what}", hint="turn it into what JSON has, or push a table or bytes"
    )
