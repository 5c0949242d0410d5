"""Pulling: an attachment of a frame becomes the object that was pushed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsp.attachment import Attachment
from dsp.errors import ConfigurationError, MatchError
from dsp.profiles import caller_of
from dsp.stacks import Decoder, frame_of
from dsp.types.base import CSV, instance, is_table, library


def pull(
    stack: str,
    profile: str = "default",
    params: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    decoder: Decoder | str | object | Mapping[str, Any] | None = None,
    *,
    meta: Mapping[str, Any] | None = None,
    allow_pickle: bool = False,
    **kwargs: Any,
) -> Any:
    """Returns an attachment of a frame as the object that was pushed.

    `stack` is a reference: `sales`, `alice:sales@v1#plot.svg`, or dstack's `/alice/sales`. Without
    a revision it is the head; with `meta` the latest frame whose parameters hold all of it. Of
    several attachments it is the first whose parameters hold all of `params` and `kwargs`. Bytes
    that are not here are brought from peers. `decoder` is a function of an `Attachment`, an object
    with `decode`, or the name of a type: `arrow` gives a table of pyarrow. What no type reads comes
    as an `Attachment` with `read`, `open` and `save`.

    `pull(stack, profile, filename, params)`, as dstack had it before 0.4, writes the bytes to a
    file and returns its name; a table becomes CSV where the name ends with `.csv`. `filename=` says
    the same, unless attachments of the frame have a parameter of that name.

    Raises `StackNotFoundError`, `MatchError`, and `UntrustedError` for a pickle of somebody else
    unless `allow_pickle` is true or `dsp trust USER --code` says so.
    """
    filename, asked, decoder = _old_form(params, decoder)
    found, path = frame_of(stack, caller_of(profile))
    if meta:
        found = found.latest(meta)
    if filename is None and all("filename" not in one.params for one in found.attachments):
        filename = kwargs.pop("filename", None)
    which: str | int | None = path
    if path is not None and path.isdigit() and all(a.path != path for a in found.attachments):
        which = int(path)
    wanted = {**asked, **kwargs}
    if filename is not None:
        return _to_file(found.attachment(which, wanted), filename)
    return found.pull(which, params=wanted, decoder=decoder, allow_pickle=allow_pickle)


def pull_data(
    stack: str,
    params: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    profile: str = "default",
    **kwargs: Any,
) -> Any:
    """Returns a table of a frame as a data frame with its types.

    As `pull`, but only tables are looked at, so a plot beside the table is not in the way. What
    pandas or polars pushed comes back as it was; a table of Arrow comes as a `pandas.DataFrame`
    with the types of Arrow, one of R, and a file of CSV, TSV, JSON lines or
    Feather, as a `pandas.DataFrame`.

    Raises `MatchError` where the frame has no such table.
    """
    found, path = frame_of(stack, caller_of(profile))
    if meta:
        found = found.latest(meta)
    tables = [one for one in found.attachments if is_table(one)]
    if not tables:
        raise MatchError(
            f"{found.reference} has no table",
            candidates=[f"#{one.path} {one.media}" for one in found.attachments[:10]],
            hint="dsp.pull returns other objects",
        )
    one = found.attachment(path, {**(params or {}), **kwargs}, among=tables)
    value = found.pull(one.path)
    return _data_frame(value, one)


def _old_form(params: Any, decoder: Any) -> tuple[Any, Mapping[str, Any], Any]:
    """Returns file name, parameters and decoder, wherever the third and the fourth are dstack's."""
    if not isinstance(params, str | os.PathLike) and not isinstance(decoder, Mapping):
        filename, asked = None, params
    else:
        filename, asked, decoder = params, decoder, None
    if filename is not None and not isinstance(filename, str | os.PathLike):
        raise ConfigurationError(
            "parameters were passed twice", hint="pass one dict: params={...}, and decoder= by name"
        )
    if asked is not None and not isinstance(asked, Mapping):
        raise ConfigurationError(
            f"parameters cannot be a {type(asked).__name__}: {asked!r}", hint="pass a dict"
        )
    return filename, asked or {}, decoder


def _to_file(one: Attachment, filename: str | os.PathLike[str]) -> str:
    if is_table(one) and one.media != CSV and Path(filename).suffix.lower() == ".csv":
        one.save_csv(filename)
    else:
        one.save(filename)
    return os.fspath(filename)


def _data_frame(value: Any, one: Attachment) -> Any:
    if not instance(value, "pyarrow", "Table"):
        return value
    pandas = library("pandas", what=f"a data frame of {one.reference}")
    return value.to_pandas(types_mapper=pandas.ArrowDtype)
