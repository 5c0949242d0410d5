"""Parquet files as they tell of themselves: their footers, and their pages, which may tell more.

A reader makes room for what the header of a page says, and texts that are written as what is other
in each than in the one before (`DELTA_BYTE_ARRAY`) say in a few bytes how long they become. So the
headers are read here first, and such texts are added up. Arrow is asked for neither: for some of
what no column can be, the process ends where it is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_HEADER_BYTES = 256
"""What is looked at of a page for its header at first, as most are far shorter."""
_LONGEST_HEADER_BYTES = 1 << 20
_DEPTH = 16

_INT32, _INT64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
"""Kinds of a field in the compact protocol of Thrift."""
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
"""Kinds of pages."""
_RLE, _DELTA_BYTE_ARRAY, _OF_DICTIONARY = 3, 7, (2, 8)
"""Encodings."""
_UNPACKED = 0
_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
"""What packs pages, by its number; the LZ4 of old has frames of its own."""


_FEW = rb"(?=[%b])([\x00-\x7f]|[\x80-\xff]{1,3}[\x00-\x7f])" % re.escape(bytes(range(0, 256, 2)))
"""A number as Thrift writes it, not below zero, which is told by its first bit; of 28 bits."""
_NOT_DELTAS = rb"([%b])" % re.escape(bytes(n << 1 for n in range(64) if n != _DELTA_BYTE_ARRAY))
_USUAL = re.compile(
    rb"""(?x)
    \x15\x00 \x15 %(few)b \x15 %(few)b  # A page of data; its bytes unpacked, and packed;
    (?: \x2c | \x15 [\x80-\xff]{0,4} [\x00-\x7f] \x1c )  # perhaps a checksum;
    \x15 %(few)b \x15 %(encoding)b  # how many values, in which encoding;
    \x15 [\x00-\x7f] \x15 [\x00-\x7f] \x00 \x00  # how levels are written, and no more.
    """
    % {b"few": _FEW, b"encoding": _NOT_DELTAS}
)
"""The header of a page of data as nearly all are, told at a third of the cost."""
_OF_DICTIONARY_TOLD = tuple(bytes([number << 1]) for number in _OF_DICTIONARY)


@dataclass(frozen=True)
class Page:
    """A page whose texts are written as what is other in each."""

    at: int
    packed: int
    unpacked: int
    values: int
    levels: int | None
    """Bytes of the levels that stand before the rest and are not packed, in pages of version 2."""
    is_packed: bool
    known_levels: bool
    """Whether it is known how levels are written."""


@dataclass
class Chunk:
    """What the pages of a column say in a row group."""

    size: int = 0
    """Bytes of all pages once they are unpacked."""
    dictionary: int = 0
    """The same of the dictionary alone: no value that stands there is longer."""
    told: int = 0
    """Values that are told by their place in it."""
    deltas: list[Page] = field(default_factory=list)


class Source:
    """The bytes of an Arrow buffer, or of a file, and how many there are."""

    def __init__(self, pa: Any, source: Any) -> None:
        self._file = None if isinstance(source, pa.Buffer) else source
        self._view = memoryview(source if self._file is None else b"").cast("B")
        self.size = len(self._view) if self._file is None else self._file.seek(0, 2)

    def match(self, pattern: re.Pattern[bytes], at: int) -> re.Match[bytes] | None:
        """Matches a pattern with the bytes from somewhere on; of a file with none."""
        return pattern.match(self._view, at)

    def read(self, start: int, end: int) -> Any:
        """Returns the bytes from where they begin to where they end, or fewer at the end."""
        if self._file is None:
            return self._view[start:end]
        self._file.seek(start)
        return self._file.read(end - start)


@dataclass(frozen=True)
class Column:
    """What the footer says of a column in a row group."""

    codec: int
    values: int
    unpacked: int
    packed: int
    data: int
    """Where its first page of data begins."""
    dictionary: int | None
    """Where its dictionary does."""

    @property
    def start(self) -> int:
        """Where its first page begins."""
        first = self.dictionary or 0
        return first if 0 < first < self.data else self.data


def groups(source: Source) -> list[list[Column]]:
    """Reads the columns of each row group from the footer.

    Raises `ValueError` where it is none.
    """
    end = source.size - 8
    length = int.from_bytes(source.read(max(end, 0), end + 4), "little")
    if not 0 < length <= end:
        raise ValueError("the footer is not where it has to be")
    try:
        footer, _ = _struct(bytes(source.read(end - length, end)), 0, 0)
    except IndexError:
        raise ValueError("the footer is not written as it has to be") from None
    return [
        [_column(column.get((3, _STRUCT)) or {}) for column in group.get((1, _LIST)) or ()]
        for group in footer.get((4, _LIST)) or ()
    ]


def _column(about: Any) -> Column:
    codec = _number(about, 4)
    values, unpacked, packed, data = (about.get((n, _INT64), -1) for n in (5, 6, 7, 9))
    if min(values, unpacked, packed, data) < 0:
        raise ValueError("what the footer says of a column cannot be")
    return Column(codec, values, unpacked, packed, data, about.get((11, _INT64)))


def look(source: Source, column: Column) -> Chunk:
    """Reads the headers of the pages of a column in a row group.

    Raises `ValueError` where one is none.
    """
    at = column.start
    end = at + column.packed
    left = column.values
    chunk = Chunk()
    while left > 0 and at < end:
        usual = source.match(_USUAL, at)
        if usual is not None:
            unpacked, packed, values = map(_short, usual.group(1, 2, 3))
            chunk.size += unpacked
            left -= values
            if usual[4] in _OF_DICTIONARY_TOLD:
                chunk.told += values
            at = usual.end() + packed
            continue
        fields, length = _header(source, at)
        at += length
        kind, unpacked, packed = (_number(fields, number) for number in (1, 2, 3))
        chunk.size += unpacked
        if kind == _DICTIONARY:
            chunk.dictionary = max(chunk.dictionary, unpacked)
        elif kind in (_DATA, _DATA_2):
            about = fields.get((5 if kind == _DATA else 8, _STRUCT))
            if about is None:
                raise _damaged(at)
            values = _number(about, 1)
            left -= values
            encoding = _number(about, 2 if kind == _DATA else 4)
            if encoding in _OF_DICTIONARY:
                chunk.told += values
            if encoding == _DELTA_BYTE_ARRAY:
                chunk.deltas.append(_page(about, kind, at, packed, unpacked, values))
        at += packed
    return chunk


def _page(about: Any, kind: int, at: int, packed: int, unpacked: int, values: int) -> Page:
    if kind == _DATA:
        known = _number(about, 3) == _number(about, 4) == _RLE
        return Page(at, packed, unpacked, values, None, True, known)
    levels = _number(about, 5) + _number(about, 6)
    return Page(at, packed, unpacked, values, levels, not about.get((7, 2)), True)


def delta_bytes(pa: Any, source: Source, page: Page, codec: int, schema: Any) -> int | None:
    """Returns how many bytes the texts of a page repeat of those before them.

    `codec` is the number of what packed it, `schema` what the file says of its column. None where
    it cannot be known: the page is packed, or its levels are written, in a way of old.

    Raises `ValueError` where the page is damaged.
    """
    data = source.read(page.at, page.at + page.packed)
    levels = page.levels or 0
    rest = data[levels:]
    if page.is_packed and codec != _UNPACKED:
        name = _CODECS.get(codec)
        if name is None:
            return None
        try:
            rest = pa.Codec(name).decompress(bytes(rest), page.unpacked - levels, asbytes=True)
        except (pa.ArrowException, OSError, OverflowError, ValueError):
            return None
    start = 0
    if page.levels is None:
        if not page.known_levels:
            return None
        for most in (schema.max_repetition_level, schema.max_definition_level):
            if most > 0:
                start += 4 + int.from_bytes(rest[start : start + 4], "little")
    try:
        return _sum_of_lengths(bytes(rest[start:]), page.values)
    except IndexError:
        raise _damaged(page.at) from None


def _sum_of_lengths(data: bytes, most: int) -> int:
    """Adds up lengths, at most so many, that are packed as differences."""
    block, at = _unsigned(data, 0)
    parts, at = _unsigned(data, at)
    left, at = _unsigned(data, at)
    value, at = _signed(data, at)
    if parts == 0 or block % parts or (part := block // parts) % 32 or left > most:
        raise ValueError("lengths of texts are not written as they have to be")
    total = 0
    if left > 0:
        total += _length(value)
        left -= 1
    while left > 0:
        least, at = _signed(data, at)
        widths = data[at : at + parts]
        at += parts
        if len(widths) < parts:
            raise IndexError
        for width in widths:
            if left == 0:
                break
            count = min(left, part)
            packed = int.from_bytes(data[at : at + part * width // 8], "little")
            if packed == 0 and least == 0:
                total += count * _length(value)
            else:
                mask = (1 << width) - 1
                # Some at a time: a number of many bits takes long to shift.
                for first in range(0, count, 32):
                    some = packed >> (first * width)
                    some &= (1 << (32 * width)) - 1
                    for place in range(min(32, count - first)):
                        value += least + ((some >> (place * width)) & mask)
                        value = (value + (1 << 31)) % (1 << 32) - (1 << 31)
                        total += _length(value)
            at += part * width // 8
            left -= count
    return total


def _length(value: int) -> int:
    if value < 0:
        raise ValueError("a text is shorter than nothing")
    return value


def _damaged(at: int) -> ValueError:
    return ValueError(f"the page at {at} is not written as it has to be")


def _number(fields: Any, number: int) -> int:
    value = fields.get((number, _INT32))
    if value is None or value < 0:
        raise ValueError("the footer, or the header of a page, lacks a number")
    return int(value)


def _short(told: bytes) -> int:
    """Returns a number that `_FEW` matched, which is not below zero."""
    bits = int.from_bytes(told, "little")
    return (bits & 127 | bits >> 1 & 0x3F80 | bits >> 2 & 0x1FC000 | bits >> 3 & 0xFE00000) >> 1


def _header(source: Source, at: int) -> tuple[Any, int]:
    """Returns the fields of a header by number and kind, and how long it is."""
    size = _HEADER_BYTES
    while True:
        data = source.read(at, at + size)
        try:
            return _struct(data, 0, 0)
        except IndexError:
            if len(data) < size or size >= _LONGEST_HEADER_BYTES:
                raise _damaged(at) from None
        size *= 16


def _struct(data: Any, at: int, depth: int) -> tuple[dict[tuple[int, int], Any], int]:
    """Reads a struct in the compact protocol of Thrift; of each number and kind the last field."""
    fields: dict[tuple[int, int], Any] = {}
    number = 0
    while byte := data[at]:
        at += 1
        kind = byte & 15
        if byte >> 4:
            number += byte >> 4
        else:
            number, at = _signed(data, at)
        # Most of them, without a call.
        if kind == _INT32 and (byte := data[at]) < 128:
            fields[number, kind], at = (byte >> 1) ^ -(byte & 1), at + 1
        elif kind == _BINARY and (byte := data[at]) < 128:
            fields[number, kind], at = None, at + 1 + byte
        else:
            fields[number, kind], at = _value(data, at, kind, depth)
    return fields, at + 1


def _value(data: Any, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return True, at
    if kind == _INT32:
        value, at = _unsigned(data, at)
        # As readers do, which have 32 bits for it.
        value &= 0xFFFFFFFF
        return (value >> 1) ^ -(value & 1), at
    if kind in (4, _INT64):
        value, at = _unsigned(data, at)
        value &= (1 << 64) - 1
        return (value >> 1) ^ -(value & 1), at
    if kind in (3, 7, 13):
        return None, at + {3: 1, 7: 8, 13: 16}[kind]
    if kind == _BINARY:
        length, at = _unsigned(data, at)
        return None, at + length
    if depth < _DEPTH:
        if kind == _STRUCT:
            return _struct(data, at, depth + 1)
        if kind in (9, 10):
            size, of, at = data[at] >> 4, data[at] & 15, at + 1
            if size == 15:
                size, at = _unsigned(data, at)
            if of == _STRUCT:
                return _structs(data, at, size, depth)
            return None, _items(data, at, size, (of,), depth)
        if kind == 11:
            size, at = _unsigned(data, at)
            if size == 0:
                return None, at
            kinds = (data[at] >> 4, data[at] & 15)
            return None, _items(data, at + 1, size, kinds, depth)
    raise ValueError("the header of a page is not written as it has to be")


def _structs(data: Any, at: int, size: int, depth: int) -> tuple[list[Any], int]:
    found = []
    for _ in range(size):
        fields, at = _struct(data, at, depth + 1)
        found.append(fields)
    return found, at


def _items(data: Any, at: int, size: int, kinds: tuple[int, ...], depth: int) -> int:
    for _ in range(size):
        for kind in kinds:
            data[at]  # Raises at the end: no item takes nothing.
            at = at + 1 if kind in (1, 2) else _value(data, at, kind, depth + 1)[1]
    return at


def _unsigned(data: Any, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number has too many digits")


def _signed(data: Any, at: int) -> tuple[int, int]:
    value, at = _unsigned(data, at)
    return (value >> 1) ^ -(value & 1), at
