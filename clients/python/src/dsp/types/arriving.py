"""A Parquet file that is read while it arrives: row groups that are whole already are decoded.

Its footer, which stands at its end, is asked for by itself; it says where the row groups are. What
it says is believed no more than otherwise: a row group is read when all is here that the reader
will look at by that footer, and what is left when all is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsp.attachment import Attachment
    from dsp.types.arrow import Fits

_TAIL_BYTES = 1 << 20
"""Of a longer footer nothing is known before all is here."""
_LEAST_BYTES = 4 << 20
_LEAST_GROUPS = 4
"""Fewer are decoded column by column once all is here."""
_SLACK_BYTES = 1 << 10
"""Some readers look a little behind a column, because of writers that counted wrong."""


def read(
    pa: Any, attachment: Attachment, check: Callable[[Any, Any, Attachment], Fits]
) -> tuple[Any, dict[bytes, bytes]]:
    """Returns the table, and the metadata of the file, which `check` sees before it is believed.

    What `check` returns looks at each row group before it is read.

    Raises the errors of Arrow for a file that is none.
    """
    buffer = pa.allocate_buffer(attachment.size)
    with attachment.stream_into(memoryview(buffer).cast("B")) as arrived:
        if attachment.size >= _LEAST_BYTES:
            with ThreadPoolExecutor(max(pa.cpu_count(), 1)) as threads:
                # Meanwhile bytes come already.
                told = threads.submit(_told, pa, attachment, buffer, check)
                groups = list(_groups(pa, buffer, told, arrived, threads))
            known = told.result()
            if known is not None:
                metadata = known[0].metadata or {}
                return pa.concat_tables(group.result() for group in groups), metadata
        for _ in arrived:
            pass
    file = pa.parquet.ParquetFile(buffer)
    check(file.metadata, buffer, attachment).look(buffer)
    return file.read(), file.metadata.metadata or {}


def _told(
    pa: Any, attachment: Attachment, buffer: Any, check: Callable[[Any, Any, Attachment], Fits]
) -> tuple[Any, Fits] | None:
    """Returns what the end of the file says, checked, or nothing where it does not pay to know."""
    size = attachment.size
    tail = attachment.read_range(size - _TAIL_BYTES, size)
    length = int.from_bytes(tail[-8:-4], "little")
    if tail[-4:] != b"PAR1" or length + 8 > len(tail):
        return None
    memoryview(buffer).cast("B")[size - len(tail) :] = tail
    metadata = pa.parquet.ParquetFile(buffer).metadata
    if metadata.num_row_groups < _LEAST_GROUPS:
        return None
    return metadata, check(metadata, buffer, attachment)


def _groups(
    pa: Any,
    buffer: Any,
    told: Future[tuple[Any, Fits] | None],
    arrived: Iterator[int],
    threads: ThreadPoolExecutor,
) -> Iterator[Future[Any]]:
    """Has each row group decoded once it is here, in their order."""

    def decode(metadata: Any, fits: Fits, at: int) -> Any:
        fits.look(buffer, [at])
        file = pa.parquet.ParquetFile(buffer, metadata=metadata)
        return file.read_row_group(at, use_threads=False)

    known, ends, at = None, [], 0
    for here in arrived:
        if known is None and told.done():
            known = told.result()
            ends = [] if known is None else _ends(known[1])
        while known is not None and at < len(ends) and ends[at] + _SLACK_BYTES <= here:
            yield threads.submit(decode, *known, at)
            at += 1
    known = told.result()
    if known is not None:
        for left in range(at, len(_ends(known[1]))):
            yield threads.submit(decode, *known, left)


def _ends(fits: Fits) -> list[int]:
    """Returns where each row group, and all before it, end."""
    ends, end = [], 0
    for group in fits.groups:
        for column in group:
            end = max(end, max(column.data, column.dictionary or 0) + column.packed)
        ends.append(end)
    return ends
