"""Arrow tables, and anything that speaks the Arrow C stream, as Parquet."""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dsp.errors import DspError, UnsupportedObjectTypeException
from dsp.types import arriving, pages
from dsp.types.base import (
    IN_MEMORY_BYTES,
    PARQUET,
    Encoded,
    instance,
    is_foreign,
    is_table,
    unreadable,
    written,
)

if TYPE_CHECKING:
    from dsp.attachment import Attachment

ROW_GROUP = 65_536
"""Rows in a row group: few enough that a page of rows comes at once."""
_PAGE_BYTES = 128 << 10
"""Bytes of a page before it is packed: some rows of the middle are read without the rest."""
_DICTIONARY_BYTES = 32 << 10
"""Largest dictionary of a column in a row group.

One of nearly as many values as there are rows takes longer to write and to read, and more room
than the values alone, and each page of rows needs all of it.
"""


_WIDTHS = {"BOOLEAN": 1, "INT32": 8, "INT64": 64, "INT96": 64, "FLOAT": 32, "DOUBLE": 64}
"""Bits of a value in memory at least: 32 bits of Parquet may be 8 of Arrow."""
_TEXT_WIDTH = 32
"""The same of a text, which says where it ends."""
_UNKNOWN_MEMORY = 1 << 40
_OF_ARROW = (ArithmeticError, LookupError, MemoryError, OSError, TypeError, ValueError)
"""What Arrow raises of a damaged file beside its own errors."""


class Arrow:
    """`pyarrow.Table`, `RecordBatch`, `RecordBatchReader`, and what has `__arrow_c_stream__`.

    A stream is written batch by batch, so it may be larger than the memory.
    """

    name = "arrow"

    def matches(self, value: object) -> bool:
        # A class of tables has it too, and is none.
        streams = hasattr(value, "__arrow_c_stream__") and not isinstance(value, type)
        return streams or instance(value, "pyarrow", "Table", "RecordBatch", "RecordBatchReader")

    def encode(self, value: Any) -> Encoded:
        pa = pyarrow()
        if isinstance(value, pa.Table):
            return to_parquet(value, "arrow/table")
        if isinstance(value, pa.RecordBatch):
            return to_parquet(pa.Table.from_batches([value]), "arrow/table")
        try:
            reader = pa.RecordBatchReader.from_stream(value)
        except (pa.ArrowInvalid, TypeError, ValueError) as error:
            raise UnsupportedObjectTypeException(
                f"{type(value).__name__} gives no stream of record batches",
                causes=[str(error)],
                hint="a column alone is pushed as a table: pyarrow.table({'x': value})",
            ) from error

        def write(file: IO[bytes]) -> None:
            with _writer(file, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch, row_group_size=ROW_GROUP)

        with _naming_columns(reader.schema):
            return written(".parquet", PARQUET, "arrow/table", write, None)

    def reads(self, attachment: Attachment) -> bool:
        return is_table(attachment)

    def decode(self, attachment: Attachment) -> Any:
        return read_foreign(attachment) if is_foreign(attachment) else read_parquet(attachment)


def pyarrow() -> Any:
    """Imports pyarrow with the part that reads Parquet.

    Raises `DspError`, which says how to install it.
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise DspError("tables need pyarrow", hint="pip install pyarrow") from error
    return pyarrow


def to_parquet(table: Any, app: str) -> Encoded:
    """Writes a table of pyarrow: zstd, row groups of 65,536 rows, with a page index."""

    def write(file: IO[bytes]) -> None:
        with _writer(file, table.schema) as writer:
            writer.write_table(table, row_group_size=ROW_GROUP)

    with _naming_columns(table.schema):
        return written(".parquet", PARQUET, app, write, table.nbytes)


def read_parquet(attachment: Attachment) -> Any:
    """Reads an attachment as a table of pyarrow, with the types it was written from."""
    pa = pyarrow()
    try:
        if attachment.size <= IN_MEMORY_BYTES:
            table, metadata = arriving.read(pa, attachment, check_fits)
        else:
            with _on_disk(attachment) as path, pa.memory_map(path) as file:
                read = pa.parquet.ParquetFile(file)
                check_fits(read.metadata, file, attachment).look(file)
                table, metadata = read.read(), read.metadata.metadata or {}
        return _as_written(pa, table, metadata.get(b"ARROW:schema"))
    except (pa.ArrowException, *_OF_ARROW) as error:
        raise unreadable(attachment, "Parquet file", error) from error


def read_foreign(attachment: Attachment) -> Any:
    """Reads a table in another format, such as CSV, as the daemon does: everybody reads the same.

    What is broken in it raises `DspError` with line and column.
    """
    pa = pyarrow()
    with tempfile.TemporaryDirectory(prefix="dsp-") as folder:
        path = str(attachment.save_parquet(Path(folder) / "table.parquet"))
        with pa.memory_map(path) as file:
            read = pa.parquet.ParquetFile(file)
            check_fits(read.metadata, file, attachment).look(file)
            return read.read()


def check_fits(metadata: Any, source: Any, attachment: Attachment) -> Fits:
    """Raises `DspError` for a table that no memory of this machine holds, before it is unpacked.

    A small file can say of each column that one value is repeated a billion times. What is counted
    here is the least that its values take by the footer; what the pages say, and how long texts
    become that stand in a dictionary or repeat those before them, the row groups tell: `Fits.look`
    has to see them before they are read. `source` is a buffer of Arrow or a file; no more than its
    end has to be here.

    Raises `ValueError` for a footer that is damaged.
    """
    return Fits(metadata, source, attachment)


class Fits:
    """What a table takes in memory, as far as it was looked at."""

    def __init__(self, metadata: Any, source: Any, attachment: Attachment) -> None:
        self._metadata = metadata
        self._attachment = attachment
        self._lock = threading.Lock()
        self._open: list[_Open] = []
        self._most = 0
        self._memory = _memory_bytes()
        self._columns = [metadata.schema.column(n) for n in range(len(metadata.schema))]
        self._widths = [_width(column) for column in self._columns]
        self.groups = pages.groups(pages.Source(pyarrow(), source))
        columns = [(n, column) for group in self.groups for n, column in enumerate(group)]
        self._bytes = sum(self._least(n, column, 0) for n, column in columns)
        self._check()

    def look(self, source: Any, groups: Iterable[int] | None = None) -> None:
        """Counts what the pages of row groups become, of all when left out.

        Raises `DspError` once that is too much, and `ValueError` for pages that are damaged. Only
        their headers are read where all would fit anyway; otherwise dictionaries, which value
        stands where, and how much of a text repeats the one before, which takes no more than the
        footer and the headers told.
        """
        here = pages.Source(pyarrow(), source)
        with self._lock:
            for at in range(len(self.groups)) if groups is None else groups:
                self._headers(here, at)
                # Where even the most would fit, nobody has to look.
                if self._bytes + self._most > self._memory:
                    self._count(source, here)

    def _headers(self, here: pages.Source, at: int) -> None:
        """Reads the headers of a row group, and notes what they leave open."""
        for n, column in enumerate(self.groups[at]):
            chunk = pages.look(here, column)
            self._bytes += self._least(n, column, chunk.size) - self._least(n, column, 0)
            self._check()
            if self._columns[n].physical_type == "BYTE_ARRAY" and (chunk.told or chunk.deltas):
                repeated = sum(page.values for page in chunk.deltas) * chunk.size
                self._most += chunk.told * chunk.dictionary + repeated
                self._open.append(_Open(at, n, chunk))

    def _count(self, source: Any, here: pages.Source) -> None:
        """Counts the texts that were left open."""
        pa = pyarrow()
        waiting, self._open, self._most = self._open, [], 0
        for one in waiting:
            codec, column = self.groups[one.group][one.column].codec, self._columns[one.column]
            for page in one.chunk.deltas:
                known = pages.delta_bytes(pa, here, page, codec, column)
                self._bytes += page.values * one.chunk.size if known is None else known
                self._check()
        told = [one for one in waiting if one.chunk.told]
        found = sorted({(one.group, self._columns[one.column].path) for one in told})
        if not found:
            return
        names = sorted({name for _, name in found})
        file = pa.parquet.ParquetFile(source, metadata=self._metadata, read_dictionary=names)
        for group, name in found:
            columns = file.read_row_group(group, columns=[name], use_threads=False)
            for column in columns.columns:
                self._bytes += sum(_unpacked_bytes(chunk) for chunk in column.chunks)
                self._check()

    def _least(self, n: int, column: pages.Column, size: int) -> int:
        """Returns how many bytes the values of a column take at least in a row group.

        `size` is what its pages say, where that is known.
        """
        return max(column.values * self._widths[n] // 8, column.unpacked, size)

    def _check(self) -> None:
        if self._bytes > self._memory:
            raise DspError(
                f"{self._attachment.reference} unpacks to {self._bytes:,} bytes or more, and this "
                f"machine has {self._memory:,} bytes of memory",
                causes=[f"the file has {self._attachment.size:,} bytes"],
                hint="a dsp:// URL reads some columns or rows of it; .save() writes the file",
            )


@dataclass(frozen=True)
class _Open:
    """Texts of a column in a row group whose length no header tells."""

    group: int
    column: int
    chunk: pages.Chunk


def _width(column: Any) -> int:
    """Returns how many bits a value of a column takes in memory at least."""
    if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
        return 8 * max(int(column.length), 0)
    return _WIDTHS.get(column.physical_type, _TEXT_WIDTH)


def _unpacked_bytes(array: Any) -> int:
    """Returns how long the texts are that an array of dictionaries tells, all together."""
    pa = pyarrow()
    pc = pa.compute
    if pa.types.is_dictionary(array.type):
        lengths = pc.binary_length(array.dictionary)
        return pc.sum(pc.take(lengths, array.indices)).as_py() or 0
    if pa.types.is_struct(array.type):
        return sum(_unpacked_bytes(field) for field in array.flatten())
    if pa.types.is_map(array.type):
        return _unpacked_bytes(array.keys) + _unpacked_bytes(array.items)
    if pa.types.is_nested(array.type):
        return _unpacked_bytes(array.flatten())
    return 0


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN_MEMORY


@contextlib.contextmanager
def _on_disk(attachment: Attachment) -> Iterator[str]:
    """Puts the bytes aside, so that they need not be in memory beside what is read of them."""
    with tempfile.TemporaryDirectory(prefix="dsp-") as folder:
        yield str(attachment.save(Path(folder) / "table.parquet"))


def _as_written(pa: Any, table: Any, stored: bytes | None) -> Any:
    """Gives columns the exact types that Parquet has none for, such as seconds."""
    if stored is None:
        return table
    try:
        written = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(stored)))
    except (pa.ArrowException, ValueError, OSError):
        return table
    if written.names != table.schema.names:
        return table
    for at, field in enumerate(written):
        # Names within lists and maps count: Parquet has its own.
        if not field.type.equals(table.schema.field(at).type, check_metadata=True):
            with contextlib.suppress(pa.ArrowException):
                column = table.column(at)
                if pa.types.is_dictionary(field.type):
                    column = column.cast(field.type.value_type).dictionary_encode()
                table = table.set_column(at, field, column.cast(field.type))
    return table


def _writer(where: Any, schema: Any) -> Any:
    return pyarrow().parquet.ParquetWriter(
        where,
        schema,
        compression="zstd",
        write_page_index=True,
        store_schema=True,
        data_page_size=_PAGE_BYTES,
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
    )


@contextlib.contextmanager
def _naming_columns(schema: Any) -> Iterator[None]:
    """Raises `UnsupportedObjectTypeException` with the column that Parquet does not take."""
    pa = pyarrow()
    try:
        yield
    except (pa.ArrowException, OverflowError) as error:
        refused = next((field for field in schema if not _holds(field)), None)
        what = "a column" if refused is None else f"the column {refused.name!r}"
        kind = "a type" if refused is None else f"the type {refused.type}"
        raise UnsupportedObjectTypeException(
            f"{what} has {kind}, which Parquet cannot hold",
            causes=[str(error)],
            hint="cast it, or leave it out",
        ) from error


def _holds(field: Any) -> bool:
    """Tells whether Parquet has a column of such a type."""
    pa = pyarrow()
    schema = pa.schema([field.with_nullable(True)])
    try:
        with _writer(pa.BufferOutputStream(), schema) as writer:
            # Of a dictionary it is looked at what it holds once there is a row.
            writer.write_table(pa.Table.from_arrays([pa.nulls(1, field.type)], schema=schema))
            return True
    except pa.ArrowException:
        return False
