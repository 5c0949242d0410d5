"""How pages ask for the parameters of a frame, where its author wishes something of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dsp.errors import ConfigurationError


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


def slider(
    label: str | None = None,
    *,
    unit: str | None = None,
    default: float | None = None,
    values: Iterable[float] = (),
    order: int | None = None,
    hidden: bool = False,
) -> Widget:
    """A slider over numbers: `frame.param("Coefficient", dsp.slider(unit="km", default=0.5))`."""
    return widget(
        label, unit=unit, default=default, values=values, order=order, hidden=hidden, kind="slider"
    )


def select(
    label: str | None = None,
    *,
    unit: str | None = None,
    default: Any = None,
    values: Iterable[Any] = (),
    order: int | None = None,
    hidden: bool = False,
) -> Widget:
    """A list that opens: `dsp.select(values=["low", "middle", "high"])` puts them in order."""
    return widget(
        label, unit=unit, default=default, values=values, order=order, hidden=hidden, kind="select"
    )


def radio(
    label: str | None = None,
    *,
    unit: str | None = None,
    default: Any = None,
    values: Iterable[Any] = (),
    order: int | None = None,
    hidden: bool = False,
) -> Widget:
    """Values beside each other, of which one is chosen."""
    return widget(
        label, unit=unit, default=default, values=values, order=order, hidden=hidden, kind="radio"
    )


def combobox(
    label: str | None = None,
    *,
    unit: str | None = None,
    default: Any = None,
    values: Iterable[Any] = (),
    order: int | None = None,
    hidden: bool = False,
) -> Widget:
    """A field in which one types the beginning of a value."""
    return widget(
        label,
        unit=unit,
        default=default,
        values=values,
        order=order,
        hidden=hidden,
        kind="combobox",
    )


def switch(
    label: str | None = None,
    *,
    default: bool | None = None,
    order: int | None = None,
    hidden: bool = False,
) -> Widget:
    """A switch for a truth value."""
    return widget(label, default=default, order=order, hidden=hidden, kind="switch")


def date_picker(
    label: str | None = None,
    *,
    default: Any = None,
    order: int | None = None,
    hidden: bool = False,
) -> Widget:
    """A field for days or moments."""
    return widget(label, default=default, order=order, hidden=hidden, kind="date")
