"""Models and objects that only pickle can hold: loading one runs whatever its author put in."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException, UntrustedError
from dsp.types.base import PICKLE, Encoded, library, unreadable, written

if TYPE_CHECKING:
    from dsp.attachment import Attachment


RUNS = "loading runs their code"
CRASHES = "its library may do anything with a file that was made for it to fail"


def trusted(attachment: Attachment, what: str, why: str = RUNS) -> None:
    """Raises `UntrustedError` unless the attachment may run code; nothing is fetched before."""
    if not attachment.may_run_code():
        raise UntrustedError(
            f"{attachment.reference} is {what} by {attachment.author}: {why}",
            hint="if you trust them: pull(..., allow_pickle=True), or `dsp trust USER --code`",
        )


class Model:
    """scikit-learn's estimators, and those of others with its interface, by joblib."""

    name = "sklearn"

    def matches(self, value: object) -> bool:
        base = sys.modules.get("sklearn.base")
        return base is not None and isinstance(value, base.BaseEstimator)

    def encode(self, value: Any) -> Encoded:
        import joblib

        def write(file: IO[bytes]) -> None:
            joblib.dump(value, file)

        return written(".joblib", PICKLE, "sklearn", write, None)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "sklearn" and attachment.media == PICKLE

    def decode(self, attachment: Attachment) -> Any:
        trusted(attachment, "a pickle")
        joblib = library("joblib", what=f"the model {attachment.reference}")
        return _loaded(attachment, joblib.load)


class Pickle:
    """Any object of Python, where the caller asks for it: `push(..., encoder="pickle")`."""

    name = "pickle"

    def matches(self, value: object) -> bool:
        return False

    def encode(self, value: Any) -> Encoded:
        def write(file: IO[bytes]) -> None:
            pickle.dump(value, file, protocol=5)

        try:
            return written(".pickle", PICKLE, "python/pickle", write, None)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UnsupportedObjectTypeException(
                f"pickle cannot hold a {type(value).__qualname__}", causes=[str(error)]
            ) from error

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "python/pickle"

    def decode(self, attachment: Attachment) -> Any:
        trusted(attachment, "a pickle")
        return _loaded(attachment, pickle.load)


def _loaded(attachment: Attachment, load: Callable[[IO[bytes]], Any]) -> Any:
    with attachment.open() as file:
        try:
            return load(file)
        # Whatever the code in it raises.
        except Exception as error:
            raise unreadable(attachment, "pickle", error) from error
