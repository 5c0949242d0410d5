"""Models that only pickle can hold: loading one runs whatever its author put in."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from dsp.errors import UntrustedError
from dsp.types.base import PICKLE, Encoded

if TYPE_CHECKING:
    from dsp.attachment import Attachment


class Model:
    """scikit-learn's estimators, by joblib."""

    name = "sklearn"

    def matches(self, value: object) -> bool:
        base = sys.modules.get("sklearn.base")
        return base is not None and isinstance(value, base.BaseEstimator)

    def encode(self, value: Any) -> Encoded:
        import joblib

        out = io.BytesIO()
        joblib.dump(value, out)
        return Encoded(".joblib", PICKLE, "sklearn", data=out.getvalue())

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "sklearn" and attachment.media == PICKLE

    def decode(self, attachment: Attachment) -> Any:
        if not attachment.may_run_code():
            raise UntrustedError(
                f"{attachment.reference} is a pickle by {attachment.author}: "
                "loading runs their code",
                hint="if you trust them: pull(..., allow_pickle=True), or `dsp trust USER --code`",
            )
        import joblib

        return joblib.load(io.BytesIO(attachment.read()))
