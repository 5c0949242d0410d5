"""Text, Markdown, JSON and bytes."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException, tell
from dsp.types.base import Encoded, instance, unreadable
from dsp.types.cells import same
from dsp.types.tagged import TAGGED, NoTagError, is_one, of_text, to_text

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
            tell(f"a {type(value).__name__} comes back as {kept}")
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
    """`dict`, `list`, `int`, `float`, `bool` and `None`, and what these hold.

    What JSON has is written as such. What they hold besides, such as NaN, tuples, dates or numbers
    of NumPy, says what it is: `{"$float": "nan"}`. So does it where it stands alone.
    """

    name = "json"

    def matches(self, value: object) -> bool:
        plain = value is None or isinstance(value, dict | list | int | float | bool)
        return plain or is_one(value)

    def encode(self, value: Any) -> Encoded:
        if isinstance(value, dict | list) and type(value) not in (dict, list):
            kind = dict if isinstance(value, dict) else list
            tell(f"a {type(value).__name__} comes back as a {kind.__name__}")
            value = kind(value)
        try:
            if _is_plain(value, "the value"):
                text = json.dumps(value, ensure_ascii=False, allow_nan=False)
                return Encoded(".json", "application/json", "python/json", data=text.encode())
            text = to_text(value)
            if not same(of_text(text), value):
                raise _loses("the value", "something that would come back as something else")
        except NoTagError as error:
            raise UnsupportedObjectTypeException(
                "the value has a key or an item that JSON cannot hold",
                causes=[str(error)],
                hint="turn it into what JSON has, or push a table or bytes",
            ) from error
        except (RecursionError, ValueError) as error:
            raise UnsupportedObjectTypeException(
                "the value holds itself, or is nested deeper than JSON is read", causes=[str(error)]
            ) from error
        return Encoded(".json", "application/json", TAGGED, data=text.encode())

    def reads(self, attachment: Attachment) -> bool:
        return attachment.media == "application/json"

    def decode(self, attachment: Attachment) -> Any:
        text = attachment.text()
        try:
            return of_text(text) if attachment.app == TAGGED else json.loads(text)
        # What is not what it says, in the ways that its kinds tell it.
        except (
            *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError),
            *(RecursionError, TypeError, ValueError),
        ) as error:
            raise unreadable(attachment, "JSON", error) from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UnsupportedObjectTypeException(
            f"character {error.start} of the text is half of a surrogate pair",
            hint='text.encode("utf-16", "surrogatepass").decode("utf-16") joins pairs',
        ) from error


def _is_plain(value: object, where: str) -> bool:
    """Tells whether JSON brings a value back as it is; else it has to say what it is.

    Raises `UnsupportedObjectTypeException` for what not even that brings back, with its place.
    """
    if value is None or type(value) in (bool, int):
        return True
    if type(value) is str:
        return _is_text(value)
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is list:
        return all([_is_plain(item, f"{where}[{at}]") for at, item in enumerate(value)])
    if type(value) is dict:
        held = [_is_plain(item, f"{where}[{key!r}]") for key, item in value.items()]
        return all(held) and all(
            type(key) is str and not key.startswith("$") and _is_text(key) for key in value
        )
    try:
        to_text(value)
    except NoTagError as error:
        raise _loses(where, f"a {type(value).__name__}, which JSON cannot hold") from error
    return False


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _loses(where: str, what: str) -> UnsupportedObjectTypeException:
    return UnsupportedObjectTypeException(
        f"{where} is {what}", hint="turn it into what JSON has, or push a table or bytes"
    )
