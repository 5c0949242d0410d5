"""Arrow values as text: what a note in the footer of a file says beside its columns."""

from __future__ import annotations

import base64
from typing import Any

from dsp.types.arrow import pyarrow


def pack(array: Any, *, small: bool = False) -> str:
    """Writes an array; `small` packs it, for those of which there is one value a row."""
    pa = pyarrow()
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays([array], names=["0"])
    options = pa.ipc.IpcWriteOptions(compression="zstd" if small else None)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def unpack(data: str) -> Any:
    """Reads an array."""
    return unpack_table(data).column(0)


def unpack_table(data: str) -> Any:
    """Reads a table, which others may have written.

    Raises errors of Arrow where it lies: Arrow itself believes where each text begins and ends, and
    would read memory that is not its own.
    """
    table = pyarrow().ipc.open_stream(base64.b64decode(data)).read_all()
    table.validate(full=True)
    return table


def pack_type(kind: Any) -> str:
    """Writes a type of Arrow."""
    schema = pyarrow().schema([("0", kind)])
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def unpack_type(data: str) -> Any:
    """Reads a type of Arrow."""
    pa = pyarrow()
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(data))).field(0).type
