"""Boosted trees in the formats of their libraries.

Nothing in them is run on load; but one wrong byte, or line, in some is enough that the library
reads or writes where it should not, so that those of others need a word of trust like a pickle.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, library, unreadable
from dsp.types.models import CRASHES, trusted

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_PARAMS = "dsp:params"
_ESTIMATORS = ("XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")


class XGBoost:
    """`xgboost.Booster`, and its estimators with their parameters, as UBJSON."""

    name = "xgboost"

    def matches(self, value: object) -> bool:
        return type(value).__name__ in ("Booster", *_ESTIMATORS) and instance(
            value, "xgboost", "Booster", *_ESTIMATORS
        )

    def encode(self, value: Any) -> Encoded:
        import xgboost

        kind = type(value).__name__
        if kind == "Booster":
            return _ubjson(value, kind)
        try:
            params = json.dumps(value.get_params())
            booster = value.get_booster().copy()
        except AttributeError as error:  # NotFittedError of scikit-learn is one.
            raise UnsupportedObjectTypeException(
                f"the {kind} is not fitted, so there is nothing to keep",
                causes=[str(error)],
                hint="call .fit before",
            ) from error
        except (TypeError, ValueError, xgboost.core.XGBoostError) as error:
            raise UnsupportedObjectTypeException(
                f"the {kind} has a parameter that JSON cannot hold", causes=[str(error)]
            ) from error
        # What its own format forgets: how it would be fitted again.
        booster.set_attr(**{_PARAMS: params})
        if hasattr(value, "n_classes_"):
            booster.set_attr(**{"dsp:classes": str(value.n_classes_)})
        return _ubjson(booster, kind)

    def reads(self, attachment: Attachment) -> bool:
        return (attachment.app or "").startswith("xgboost/")

    def decode(self, attachment: Attachment) -> Any:
        trusted(attachment, "a model of XGBoost", CRASHES)
        xgboost = library("xgboost", what=f"the model {attachment.reference}")
        kind = (attachment.app or "").removeprefix("xgboost/")
        try:
            if kind != "Booster" and kind not in _ESTIMATORS:
                raise ValueError(f"there is no {kind} in xgboost")
            data = bytearray(attachment.read())
            # Of nothing XGBoost takes the whole process down.
            if not data:
                raise ValueError("it is empty")
            booster = xgboost.Booster()
            booster.load_model(data)
            if kind == "Booster":
                return booster
            model = getattr(xgboost, kind)(**json.loads(booster.attr(_PARAMS) or "{}"))
            classes = booster.attr("dsp:classes")
            booster.set_attr(**{_PARAMS: None, "dsp:classes": None})
            if classes is not None:
                model.n_classes_ = int(classes)
            model._Booster = booster
        except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
            raise unreadable(attachment, "model of XGBoost", error) from error
        return model


class LightGBM:
    """`lightgbm.Booster`, as its own text; estimators of LightGBM go the way of scikit-learn's."""

    name = "lightgbm"

    def matches(self, value: object) -> bool:
        return instance(value, "lightgbm", "Booster")

    def encode(self, value: Any) -> Encoded:
        # All trees, not only the best ones that early stopping found.
        text = value.model_to_string(num_iteration=-1)
        # The text has no place for where it stopped, which `predict` goes by.
        app = f"lightgbm/{value.best_iteration}" if value.best_iteration > 0 else "lightgbm"
        return Encoded(".txt", "text/plain", app, data=text.encode())

    def reads(self, attachment: Attachment) -> bool:
        return (attachment.app or "").split("/")[0] == "lightgbm"

    def decode(self, attachment: Attachment) -> Any:
        trusted(attachment, "a model of LightGBM", CRASHES)
        lightgbm = library("lightgbm", what=f"the model {attachment.reference}")
        try:
            model = lightgbm.Booster(model_str=attachment.text())
            if "/" in (attachment.app or ""):
                model.best_iteration = int((attachment.app or "").split("/")[1])
            return model
        except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
            raise unreadable(attachment, "model of LightGBM", error) from error


def _ubjson(booster: Any, kind: str) -> Encoded:
    data = bytes(booster.save_raw("ubj"))
    return Encoded(".ubj", "application/ubjson", f"xgboost/{kind}", data=data)
