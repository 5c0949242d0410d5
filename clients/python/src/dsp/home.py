"""Where a daemon is: its home, and the file in it that says how to call it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from dsp.errors import ConfigurationError, DaemonNotFoundError


@dataclass(frozen=True)
class ClientFile:
    """What `run/client.json` says: how the running daemon is reached."""

    address: str
    token: str
    socket: str | None
    pid: int

    def __repr__(self) -> str:
        return f"ClientFile({self.address!r}, pid={self.pid})"


def home() -> Path:
    """Returns the home of the daemon: `DSP_HOME`, else `~/.dsp`."""
    asked = os.environ.get("DSP_HOME")
    try:
        return Path(asked).absolute() if asked else Path.home() / ".dsp"
    except RuntimeError as error:
        raise ConfigurationError(
            "this account has no home directory", hint="set DSP_HOME"
        ) from error


def client_file(folder: Path) -> ClientFile | None:
    """Reads how the daemon of a home is reached.

    Nothing when it does not run; half a file counts as none, as it is being written.

    Raises `DaemonNotFoundError` when the file is there and cannot be read.
    """
    path = folder / "run" / "client.json"
    try:
        read = json.loads(path.read_bytes())
        socket = read.get("socket")
        return ClientFile(
            address=str(read["address"]),
            token=str(read["token"]),
            socket=str(socket) if socket else None,
            pid=int(read["pid"]),
        )
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise DaemonNotFoundError(
            f"the home of a daemon is a folder, and {folder} is in, or is, a file",
            causes=[f"{path}: {error.strerror}"],
            hint="DSP_HOME names it; without, it is ~/.dsp",
        ) from error
    except OSError as error:
        raise DaemonNotFoundError(
            f"cannot read {path}",
            causes=[error.strerror or str(error)],
            hint="the daemon may run under another account",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
