"""Named tensors as safetensors: numbers alone, so that loading them runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, library, unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_MEDIA = "application/vnd.safetensors"
_DTYPES = (
    *("bool", "float16", "float32", "float64", "complex64"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
_TAKEN = "__metadata__"
_NUMPY, _TORCH = "numpy/tensors", "torch/state"


class Tensors:
    """A dict of `numpy.ndarray` by name."""

    name = "safetensors"

    def matches(self, value: object) -> bool:
        return _named(value) and all(instance(one, "numpy", "ndarray") for one in value.values())

    def encode(self, value: Any) -> Encoded:
        import numpy

        numbers = library("safetensors.numpy", what="a dict of arrays")
        _check_names(value)
        for name, array in value.items():
            if str(array.dtype) not in _DTYPES or array.dtype.byteorder == ">":
                raise _lost(name, f"an array of {array.dtype}")
        # Its bytes are taken as they lie in memory, whatever the strides say.
        given = {name: numpy.asarray(array, order="C") for name, array in value.items()}
        return Encoded(".safetensors", _MEDIA, _NUMPY, data=numbers.save(given))

    def reads(self, attachment: Attachment) -> bool:
        return attachment.media == _MEDIA and attachment.app != _TORCH

    def decode(self, attachment: Attachment) -> Any:
        numbers = library("safetensors.numpy", what=attachment.reference)
        return _load(numbers, attachment)


class Torch:
    """`torch.nn.Module`, whose state is kept, and a dict of tensors; both come as such a dict.

    The class of a module is code, and stays with whoever wrote it: `load_state_dict` fills one.
    """

    name = "torch"

    def matches(self, value: object) -> bool:
        if instance(value, "torch.nn", "Module"):
            return True
        return _named(value) and all(instance(one, "torch", "Tensor") for one in value.values())

    def encode(self, value: Any) -> Encoded:
        numbers = library("safetensors.torch", pip="safetensors", what="a model of torch")
        state = value if isinstance(value, dict) else value.state_dict()
        _check_names(state)
        for name, one in state.items():
            if not instance(one, "torch", "Tensor") or one.is_sparse or one.is_quantized:
                raise _lost(name, f"a {type(one).__name__} that is no dense tensor")
        # Tensors that share memory, as tied weights do, are written each by itself.
        given = {name: one.detach().cpu().contiguous().clone() for name, one in state.items()}
        return Encoded(".safetensors", _MEDIA, _TORCH, data=numbers.save(given))

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == _TORCH and attachment.media == _MEDIA

    def decode(self, attachment: Attachment) -> Any:
        library("torch", what=attachment.reference)
        numbers = library("safetensors.torch", pip="safetensors", what=attachment.reference)
        return _load(numbers, attachment)


def _named(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and bool(value) and all(type(name) is str for name in value)


def _check_names(tensors: dict[str, Any]) -> None:
    if _TAKEN in tensors:
        raise UnsupportedObjectTypeException(
            f"safetensors has {_TAKEN!r} for itself, so that no tensor can have this name",
            hint="give it another name",
        )


def _lost(name: str, what: str) -> UnsupportedObjectTypeException:
    return UnsupportedObjectTypeException(
        f"{name!r} is {what}, which safetensors cannot hold",
        hint="push it by itself, or turn it into numbers with .astype",
    )


def _load(numbers: Any, attachment: Attachment) -> Any:
    from safetensors import SafetensorError

    try:
        return numbers.load(attachment.read())
    except (SafetensorError, KeyError, ValueError) as error:
        raise unreadable(attachment, "file of safetensors", error) from error
