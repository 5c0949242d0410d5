"""Python objects as JSON that says what they are: `{"$decimal": "NaN"}`.

What JSON has is written as it is. All else is a map with one key that begins with `$` and names
what it is, and perhaps further keys that belong to it. Nothing of it names code: a class of
somebody's own is not among them.
"""

from __future__ import annotations

import base64
import collections
import datetime
import decimal
import fractions
import io
import ipaddress
import json
import math
import pathlib
import tokenize
import uuid
import zoneinfo
from collections.abc import Callable
from importlib import import_module
from typing import Any

TAGGED = "python/tagged"
"""What opens a whole attachment of it."""
_LEVELS = 64
"""How deep values may lie in each other; what holds itself is deeper than any bound."""
_NUMBERS = "iufcbUSmM"
"""Kinds of NumPy's scalars and arrays that are kept: all but Python objects and records."""


_SCALARS = (
    *("bool", "float16", "float32", "float64"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
"""Scalars of NumPy that are written as numbers of JSON."""


class NoTagError(Exception):
    """A value that is of no kind that can be written."""


def to_text(value: object) -> str:
    """Writes a value.

    Raises `NoTagError`, which names what inside of it is of no kind that is known here.
    """
    text = json.dumps(_written(value, 0), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair: in names of files that are in no encoding.
        return json.dumps(json.loads(text), allow_nan=False)
    return text


def of_text(text: str) -> Any:
    """Reads a value.

    Raises `ValueError` and its like for what is none.
    """
    return _read(json.loads(text))


def is_one(value: object) -> bool:
    """Tells whether a value is of a kind that is written as something else than JSON has."""
    kind = type(value)
    if kind in (tuple, set, frozenset) or kind in _TEXTS or kind in _OTHERS:
        return True
    return kind.__module__.partition(".")[0] == "pandas" and kind.__name__ in _OF_PANDAS


def _written(value: Any, level: int) -> Any:
    if level > _LEVELS:
        raise NoTagError(f"it is nested deeper than {_LEVELS} levels, or holds itself")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [_written(item, level + 1) for item in value]
    if kind is dict and all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _written(item, level + 1) for key, item in value.items()}
    if kind in (dict, collections.OrderedDict):
        pairs = [[_written(k, level + 1), _written(v, level + 1)] for k, v in value.items()]
        return {"$dict" if kind is dict else "$ordered": pairs}
    if kind is tuple:
        return {"$tuple": [_written(item, level + 1) for item in value]}
    if kind in (set, frozenset):
        items = [_written(item, level + 1) for item in value]
        # The same set is the same text, whatever order it gives its items in.
        return {f"${kind.__name__}": sorted(items, key=lambda item: json.dumps(item))}
    if kind in _TEXTS:
        return {f"${_TEXTS[kind]}": str(value)}
    if write := _OTHERS.get(kind):
        return write(value)
    if kind.__module__.partition(".")[0] == "numpy":
        return _of_numpy(value, level)
    if kind.__module__.partition(".")[0] == "pandas":
        return _of_pandas(value, level)
    raise NoTagError(f"{kind.__qualname__} is a class, and a table keeps no code")


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = next(iter(value), "")
    if not name.startswith("$"):
        return {key: _read(item) for key, item in value.items()}
    return _READERS[name[1:]](value[name], value)


def _moment(value: datetime.datetime | datetime.time) -> dict[str, Any]:
    """Writes a time of the clock, its zone, and which of two it is where clocks are set back."""
    written: dict[str, Any] = {
        f"${type(value).__name__}": value.replace(tzinfo=None, fold=0).isoformat()
    }
    if value.tzinfo is not None:
        written["zone"] = _zone(value.tzinfo)
    if value.fold:
        written["fold"] = 1
    return written


def _clock(kind: Any) -> Callable[[Any, dict[str, Any]], Any]:
    def read(text: Any, written: dict[str, Any]) -> Any:
        zone = _zone_of(written["zone"]) if "zone" in written else None
        return kind.fromisoformat(text).replace(tzinfo=zone, fold=int(written.get("fold", 0)))

    return read


def _zone(zone: datetime.tzinfo) -> Any:
    if zone is datetime.timezone.utc:
        return "UTC"
    if type(zone) is zoneinfo.ZoneInfo and zone.key:
        return {"key": zone.key}
    if type(zone) is datetime.timezone:
        name, offset = zone.tzname(None), zone.utcoffset(None)
        written: dict[str, Any] = {"seconds": offset.total_seconds()}
        return written if datetime.timezone(offset).tzname(None) == name else written | {"is": name}
    # Those of pandas before 3.
    known = getattr(zone, "zone", None)
    if type(zone).__module__.partition(".")[0] == "pytz" and known:
        return {"pytz": known}
    raise NoTagError(f"its zone is a {type(zone).__module__}.{type(zone).__qualname__}")


def _zone_of(written: Any) -> datetime.tzinfo:
    if written == "UTC":
        return datetime.timezone.utc
    if "key" in written:
        return zoneinfo.ZoneInfo(written["key"])
    if "pytz" in written:
        return _zone_of_pytz(written["pytz"])
    offset = datetime.timedelta(seconds=written["seconds"])
    return datetime.timezone(offset, *([written["is"]] if "is" in written else []))


def _zone_of_pytz(name: str) -> datetime.tzinfo:
    """Returns a zone of pytz, or the same of Python where pytz is not installed."""
    try:
        pytz: Any = import_module("pytz")
        zone: datetime.tzinfo = pytz.timezone(name)
    except ImportError:
        return zoneinfo.ZoneInfo(name)
    return zone


def _of_numpy(value: Any, level: int) -> Any:
    import numpy

    if type(value) is numpy.ndarray and value.dtype.kind == "O":
        items = [_written(item, level + 1) for item in value.ravel()]
        return {"$objects": items, "shape": list(value.shape)}
    known = type(value) is numpy.ndarray or isinstance(value, numpy.generic)
    if not known or value.dtype.kind not in _NUMBERS:
        raise NoTagError(f"a {type(value).__name__} of NumPy")
    if type(value) is not numpy.ndarray and value.dtype.name in _SCALARS:
        return {f"${value.dtype.name}": _written(value.item(), level + 1)}
    file = io.BytesIO()
    numpy.save(file, value, allow_pickle=False)
    name = "array" if type(value) is numpy.ndarray else "number"
    return {f"${name}": base64.b64encode(file.getvalue()).decode(), "shows": str(value)[:80]}


def _scalar_of(name: str) -> Callable[[Any, dict[str, Any]], Any]:
    def read(value: Any, _: dict[str, Any]) -> Any:
        import numpy

        return numpy.dtype(name).type(_read(value))

    return read


def _array_of(data: Any, _: dict[str, Any]) -> Any:
    import numpy

    try:
        return numpy.load(io.BytesIO(base64.b64decode(data)), allow_pickle=False)
    # Its header is read as a piece of Python.
    except (SyntaxError, tokenize.TokenError) as error:
        raise ValueError(str(error)) from error


def _objects_of(items: Any, written: dict[str, Any]) -> Any:
    import numpy

    array: Any = numpy.empty(len(items), dtype=object)
    for at, item in enumerate(items):
        array[at] = _read(item)
    return array.reshape(written["shape"])


def _of_pandas(value: Any, level: int) -> Any:
    import pandas

    if value is pandas.NA or value is pandas.NaT:
        return {"$missing": "NA" if value is pandas.NA else "NaT"}
    if type(value) in (pandas.Timestamp, pandas.Timedelta):
        plain = value.to_numpy()
        written = {f"${type(value).__name__}": int(plain.view("int64")), "unit": value.unit}
        zone = getattr(value, "tzinfo", None)
        return written | ({} if zone is None else {"zone": _zone(zone), "shows": str(value)})
    if type(value) is pandas.Period:
        return {"$Period": value.ordinal, "freq": value.freqstr, "shows": str(value)}
    if type(value) is pandas.Interval:
        ends = [_written(value.left, level + 1), _written(value.right, level + 1)]
        return {"$Interval": ends, "closed": value.closed}
    raise NoTagError(f"a {type(value).__name__} of pandas")


def _pandas_of(name: str) -> Callable[[Any, dict[str, Any]], Any]:
    def read(held: Any, written: dict[str, Any]) -> Any:
        import numpy
        import pandas

        match name:
            case "missing":
                return pandas.NA if held == "NA" else pandas.NaT
            case "Timestamp":
                moment = pandas.Timestamp(numpy.datetime64(held, written["unit"]))
                if "zone" in written:
                    moment = moment.tz_localize("UTC").tz_convert(_zone_of(written["zone"]))
                return moment
            case "Timedelta":
                return pandas.Timedelta(numpy.timedelta64(held, written["unit"]))
            case "Period":
                return pandas.Period(ordinal=held, freq=written["freq"])
        left, right = map(_read, held)
        return pandas.Interval(left, right, closed=written["closed"])

    return read


def _path_of(kind: Any, pure: Any) -> Callable[[Any, dict[str, Any]], Any]:
    def read(text: Any, _: dict[str, Any]) -> Any:
        try:
            return kind(text)
        # A path of Windows elsewhere, or the reverse.
        except NotImplementedError:
            return pure(text)

    return read


_TEXTS: dict[type, str] = {
    decimal.Decimal: "decimal",
    fractions.Fraction: "fraction",
    uuid.UUID: "uuid",
    datetime.date: "date",
    ipaddress.IPv4Address: "IPv4Address",
    ipaddress.IPv6Address: "IPv6Address",
    pathlib.PosixPath: "PosixPath",
    pathlib.WindowsPath: "WindowsPath",
    pathlib.PurePosixPath: "PurePosixPath",
    pathlib.PureWindowsPath: "PureWindowsPath",
}
"""What its own text brings back."""

_OF_PANDAS = ("Timestamp", "Timedelta", "Period", "Interval", "NaTType", "NAType")
"""Names of the classes of pandas' scalars."""

_OTHERS: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: {"$bytes": base64.b64encode(value).decode()},
    bytearray: lambda value: {"$bytearray": base64.b64encode(value).decode()},
    complex: lambda value: {"$complex": [repr(value.real), repr(value.imag)]},
    range: lambda value: {"$range": [value.start, value.stop, value.step]},
    datetime.timedelta: lambda value: {
        "$timedelta": [value.days, value.seconds, value.microseconds]
    },
    datetime.datetime: _moment,
    datetime.time: _moment,
}

_READERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "float": lambda text, _: float(text),
    "dict": lambda pairs, _: {_read(key): _read(item) for key, item in pairs},
    "ordered": lambda pairs, _: collections.OrderedDict((_read(k), _read(v)) for k, v in pairs),
    "tuple": lambda items, _: tuple(map(_read, items)),
    "set": lambda items, _: set(map(_read, items)),
    "frozenset": lambda items, _: frozenset(map(_read, items)),
    "decimal": lambda text, _: decimal.Decimal(text),
    # Not by its own reading of text, which works out 1e999999999.
    "fraction": lambda text, _: fractions.Fraction(*map(int, text.split("/"))),
    "uuid": lambda text, _: uuid.UUID(text),
    "date": lambda text, _: datetime.date.fromisoformat(text),
    "datetime": _clock(datetime.datetime),
    "time": _clock(datetime.time),
    "timedelta": lambda parts, _: datetime.timedelta(parts[0], parts[1], parts[2]),
    "IPv4Address": lambda text, _: ipaddress.IPv4Address(text),
    "IPv6Address": lambda text, _: ipaddress.IPv6Address(text),
    "PosixPath": _path_of(pathlib.PosixPath, pathlib.PurePosixPath),
    "WindowsPath": _path_of(pathlib.WindowsPath, pathlib.PureWindowsPath),
    "PurePosixPath": lambda text, _: pathlib.PurePosixPath(text),
    "PureWindowsPath": lambda text, _: pathlib.PureWindowsPath(text),
    "bytes": lambda text, _: base64.b64decode(text),
    "bytearray": lambda text, _: bytearray(base64.b64decode(text)),
    "complex": lambda parts, _: complex(float(parts[0]), float(parts[1])),
    "range": lambda parts, _: range(*parts),
    "array": _array_of,
    "number": lambda data, written: _array_of(data, written)[()],
    "objects": _objects_of,
    **{name: _scalar_of(name) for name in _SCALARS},
    **{
        name: _pandas_of(name)
        for name in ("missing", "Timestamp", "Timedelta", "Period", "Interval")
    },
}
