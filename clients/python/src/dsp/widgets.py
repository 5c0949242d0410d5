"""How pages ask for the parameters of a frame, where its author wishes something of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec

from dsp.errors import ConfigurationError

_P = ParamSpec("_P")


@dataclass(frozen=True)
class Widget:
    """How one parameter is asked for; made by `slider`, `select` and the others.

    A wish: what does not fit the values of the parameter is passed over, and without a widget one
    is made of the values.
    """

    kind: str | None = None
    """`combobox`, `date`, `radio`, `select`, `slider`, `switch`; none leaves it to the values."""
    label: str | None = None
    """What the parameter is called, at most 128 bytes; else its name."""
    unit: str | None = None
    """The unit of its values, at most 32 bytes."""
    default: Any = None
    """The value with which one begins; else that of the first attachment."""
    values: tuple[Any, ...] = ()
    """At most 256 values in the order in which they are offered; the rest follows."""
    order: int | None = None
    """Where it stands among the others, the least first; those without a place follow."""
    hidden: bool = False
    """Whether it is not offered, so that its default alone chooses."""


def widget(
    label: str | None = None,
    *,
    unit: str | None = None,
    default: Any = None,
    values: Iterable[Any] = (),
    order: int | None = None,
    hidden: bool = False,
    kind: str | None = None,
) -> Widget:
    """Says how a parameter is asked for, and leaves its kind to its values."""
    if isinstance(values, str):
        raise ConfigurationError(
            f"values={values!r} is one text", hint='values are a list: values=["low", "high"]'
        )
    return Widget(kind, label, unit, default, tuple(values), order, hidden)


def _kind(call: Callable[_P, Widget], kind: str, about: str) -> Callable[_P, Widget]:
    """Returns what makes widgets of one kind, with the arguments of `widget`."""

    @wraps(call)
    def made(*args: _P.args, **said: _P.kwargs) -> Widget:
        return replace(call(*args, **said), kind=kind)

    made.__doc__ = about
    return made


slider = _kind(
    widget, "slider", 'A slider over numbers: `frame.param("rate", dsp.slider(unit="%"))`.'
)
select = _kind(
    widget, "select", 'A list that opens: `dsp.select(values=["low", "high"])` orders it.'
)
radio = _kind(widget, "radio", "Values beside each other, of which one is chosen.")
combobox = _kind(widget, "combobox", "A field in which one types the beginning of a value.")
switch = _kind(widget, "switch", "A switch for a truth value.")
date_picker = _kind(widget, "date", "A field for days or moments.")
