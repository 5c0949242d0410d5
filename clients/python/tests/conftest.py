"""Real daemons in temporary homes, and the one that the package finds."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import dsp
from dsp.client import Client
from dsp.errors import DspError
from dsp.home import client_file

DEADLINE_SECONDS = 60.0


def programs() -> Path:
    """The folder of `dspd` and `dsp`: `DSP_PROGRAMS`, else the one in PATH."""
    folder = os.environ.get("DSP_PROGRAMS")
    if folder is None:
        found = shutil.which("dspd")
        if found is None:
            pytest.fail("no dspd: set DSP_PROGRAMS to the folder of the built programs")
        folder = str(Path(found).parent)
    return Path(folder)


class Node:
    """A daemon of a home of its own."""

    def __init__(self, home: Path, user: str) -> None:
        self.home = home
        self.user = user
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "DSP_USER_NAME": self.user}
        for name in ("DSP_HOME", "DSP_URL", "DSP_TOKEN"):
            environment.pop(name, None)
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home.parent / f"{self.home.name}.out").open("wb") as out:
            self.process = subprocess.Popen(
                [programs() / "dspd", "--home", self.home],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        wait_until(self._answers, "the daemon answers")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "dspd ended at once"
        file = client_file(self.home)
        if file is None:
            return False
        try:
            return Client.of_file(file).health().get("pid") == self.process.pid
        except DspError:
            return False

    def client(self) -> Client:
        file = client_file(self.home)
        assert file is not None
        return Client.of_file(file)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Has the package find this daemon."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DSP_HOME", str(self.home))
            yield


def wait_until(holds: object, what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Polls until something holds; fails after a deadline."""
    assert callable(holds)
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.02)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is for the long form alone: libraries of gigabytes."""
    if os.environ.get("DSP_TEST_FULL"):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A short folder: a path of a socket has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="dsp-py-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def alice(folder: Path) -> Iterator[Node]:
    node = Node(folder / "alice", "alice")
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def bob(folder: Path) -> Iterator[Node]:
    node = Node(folder / "bob", "bob")
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DSP_HOME", "DSP_URL", "DSP_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def here(alice: Node, _clean: None, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Alice's daemon, as the one that the package finds."""
    monkeypatch.setenv("DSP_HOME", str(alice.home))
    return alice


def around(value: object) -> object:
    """Pushes a value and pulls it."""
    result = dsp.push("types/one", value)
    return dsp.pull(f"types/one@{result.id}")


def pushed_bytes(value: object) -> bytes:
    """The bytes that a value becomes."""
    result = dsp.push("types/one", value)
    return dsp.stack("types/one").frame(result.id).attachment().read()
