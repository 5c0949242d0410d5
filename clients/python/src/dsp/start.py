"""Starting the daemon where none runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dsp.errors import DaemonNotFoundError

DEADLINE_SECONDS = 30.0
"""How long a daemon may take to answer."""
_POLL_SECONDS = 0.05
_LAST_WORDS = 8

INSTALL = (
    "install dsp (`make && make install PREFIX=$HOME/.local` in its repository) and put the folder "
    "of `dspd` into PATH, or set DSP_URL and DSP_TOKEN to use a daemon elsewhere"
)


def program() -> Path:
    """Finds `dspd` in the absolute folders of `PATH`.

    A relative one would run whatever lies where the notebook happens to be.

    Raises `DaemonNotFoundError` which says how to get it.
    """
    folders = [f for f in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(f)]
    found = shutil.which("dspd", path=os.pathsep.join(folders)) if folders else None
    if found is None:
        raise DaemonNotFoundError("no daemon runs, and there is no dspd to start", hint=INSTALL)
    return Path(found)


def start(home: Path, answers: Callable[[], bool]) -> bool:
    """Starts the daemon of a home and waits until it answers; tells whether it is the first time.

    One that somebody else starts meanwhile is as good. The daemon goes on when this process ends.

    Raises `DaemonNotFoundError` with the daemon's last words when it ends or is not ready in time.
    """
    dspd = program()
    try:
        for folder in (home / "run", home / "logs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DaemonNotFoundError(
            f"no daemon runs, and {home} cannot be made for one",
            causes=[error.strerror or str(error)],
            hint="DSP_HOME chooses another home",
        ) from error
    deadline = time.monotonic() + DEADLINE_SECONDS
    with _lock(home / "run" / "start.lock", deadline):
        if answers():
            return False
        first = not (home / "keys").exists()
        out = home / "logs" / "dspd.out"
        with out.open("wb") as log:
            child = subprocess.Popen(
                [str(dspd), "--home", str(home)],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not answers():
            if child.poll() is not None:
                raise DaemonNotFoundError(
                    f"dspd ended at once, with code {child.returncode}",
                    causes=_last_words(out),
                    hint=f"more is in {home / 'logs'}",
                )
            if time.monotonic() > deadline:
                raise DaemonNotFoundError(
                    f"dspd is not ready after {DEADLINE_SECONDS:.0f} seconds",
                    hint=f"see {home / 'logs'}",
                )
            time.sleep(_POLL_SECONDS)
        # It belongs to nobody here from now on; without this, Python warns when it is collected.
        child.returncode = 0
        return first


@contextlib.contextmanager
def _lock(path: Path, deadline: float) -> Iterator[None]:
    """Holds the right to start a daemon: the lock that `dsp` takes too."""
    try:
        import fcntl
    except ImportError:  # Windows: the daemon's own lock keeps a second one out.
        yield
        return
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise DaemonNotFoundError(
                        "another program starts the daemon and is not done",
                        hint="see `dsp daemon logs`",
                    ) from error
                time.sleep(_POLL_SECONDS)
        yield


def _last_words(out: Path) -> list[str]:
    with contextlib.suppress(OSError):
        text = out.read_text(errors="replace")
        return [line for line in text.splitlines() if line.strip()][-_LAST_WORDS:]
    return []
