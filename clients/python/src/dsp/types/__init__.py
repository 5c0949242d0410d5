"""The types that this package knows, and those that others add."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from dsp.errors import MatchError, UnsupportedObjectTypeException, tell
from dsp.types.arrays import Numpy
from dsp.types.arrow import Arrow
from dsp.types.base import Encoded, Type
from dsp.types.figures import Matplotlib, Picture, Plotly
from dsp.types.files import File
from dsp.types.images import Pillow
from dsp.types.models import Model, Pickle
from dsp.types.pandas import Pandas
from dsp.types.polars import Polars
from dsp.types.text import Bytes, Json, Markdown, Text

if TYPE_CHECKING:
    from dsp.attachment import Attachment

__all__ = ["Encoded", "Markdown", "Picture", "Type", "all_types", "decode", "encode"]

_OURS: tuple[Type, ...] = (
    Pandas(),
    Polars(),
    Matplotlib(),
    Plotly(),
    Pillow(),
    Numpy(),
    Model(),
    Arrow(),
    File(),
    Text(),
    Bytes(),
    Json(),
    Pickle(),
)


@lru_cache(maxsize=1)
def all_types() -> tuple[Type, ...]:
    """Returns every type: those of other packages, then of this one, the special ones first.

    One that cannot be loaded is left out with a warning, as nothing else depends on it.
    """
    found: dict[str, tuple[bool, Type]] = {}
    for entry in entry_points(group="dsp.types"):
        try:
            kind = entry.load()
        except Exception as error:
            tell(f"the type `{entry.name}` of {entry.value} cannot be loaded: {error}")
            continue
        ours = entry.value.startswith("dsp.types.")
        found[entry.value] = (ours, kind() if isinstance(kind, type) else kind)
    # Sorting keeps the order among equals.
    added = [kind for _, kind in sorted(found.values(), key=lambda one: one[0])]
    return (*added, *_OURS)


def encode(value: object) -> Encoded:
    """Turns an object into bytes by the first type that takes it.

    Raises `UnsupportedObjectTypeException` when none does.
    """
    for kind in all_types():
        if kind.matches(value):
            return kind.encode(value)
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    hint = (
        "push bytes or a file, pass encoder= (a function, or 'pickle'), or add a type by an entry "
        "point in `dsp.types`"
    )
    if name.startswith("pandas.") and hasattr(value, "dtype"):
        hint = "pandas.Series(value) keeps what is in it, with its type"
    elif hasattr(value, "__next__"):
        hint = f"list(value) keeps what it gives; else {hint}"
    raise UnsupportedObjectTypeException(f"no type is known for {name}", hint=hint)


def named(name: str) -> Type:
    """Returns the type of a name, such as `arrow`."""
    for kind in all_types():
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in all_types())
    raise MatchError(f"no type is called `{name}`", hint=f"there are {known}")


def decode(attachment: Attachment) -> Any:
    """Turns an attachment into an object; one that no type reads stays an attachment."""
    for kind in all_types():
        if kind.reads(attachment):
            return kind.decode(attachment)
    return attachment
