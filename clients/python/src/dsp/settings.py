"""What a frame says of the program that made it."""

from __future__ import annotations

import platform
import sys

from dsp.version import __version__

_LIBRARIES = {
    "PIL": "pillow",
    "altair": "altair",
    "bokeh": "bokeh",
    "geopandas": "geopandas",
    "keras": "keras",
    "lightgbm": "lightgbm",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "onnx": "onnx",
    "pandas": "pandas",
    "plotly": "plotly",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "seaborn": "seaborn",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "xgboost": "xgboost",
}
"""Modules whose versions are told where they are loaded, with what they are installed as."""
_LONGEST = 64


def settings() -> dict[str, object]:
    """Returns the versions of this client, of Python, and of the libraries that are in use.

    Nothing of the machine, the account or the script is in it.
    """
    versions = {
        name: getattr(sys.modules.get(module), "__version__", None)
        for module, name in _LIBRARIES.items()
    }
    told = {name: v[:_LONGEST] for name, v in versions.items() if isinstance(v, str)}
    return {
        "client": {"client": "dsp-py", "version": __version__},
        "python": platform.python_version(),
        "libraries": told,
    }
