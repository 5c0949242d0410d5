"""dstack's hook for encryption, of which nothing but its absence was ever written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsp.errors import ConfigurationError


class EncryptionMethod:
    """A way to encrypt a frame. None but `NoEncryption` is taken: it would be a false promise.

    What a frame has goes to nobody but the members of its context, over connections that are
    encrypted from one end to the other.
    """


class NoEncryption(EncryptionMethod):
    """Leaves a frame as it is."""


def without_encryption(given: Mapping[str, Any]) -> dict[str, Any]:
    """Takes `encryption=` out of what a script of old passed.

    Raises `ConfigurationError` for any other than `NoEncryption`, before anything is pushed.
    """
    rest = dict(given)
    if isinstance(rest.get("encryption"), EncryptionMethod):
        asked = rest.pop("encryption")
        if not isinstance(asked, NoEncryption):
            raise ConfigurationError(
                f"a frame cannot be encrypted by {type(asked).__name__}",
                hint="push to a context that nobody else reads (access='private' demands it), or "
                "encrypt the bytes yourself and push those",
            )
    return rest
