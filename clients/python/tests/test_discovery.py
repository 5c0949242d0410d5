"""Finding the daemon, starting it, and saying how to get it."""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from conftest import DEADLINE_SECONDS, Node, programs, wait_until

import dsp
from dsp.home import client_file


def python(code, **environment):
    """Runs Python in a process of its own and returns what it printed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DSP_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    return done.stdout + done.stderr


@pytest.fixture
def unstarted(folder):
    """A home in which no daemon runs, and which is left that way."""
    home = folder / f"home{len(list(folder.iterdir()))}"
    yield home
    file = client_file(home)
    if file is not None:
        os.kill(file.pid, signal.SIGTERM)
        wait_until(lambda: not _runs(file.pid), "the daemon ends")


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_first_call_starts_the_daemon_and_it_goes_on(unstarted):
    path = f"{programs()}{os.pathsep}{os.environ['PATH']}"
    code = "import dsp; dsp.push('first', 'text'); print(dsp.pull('first'))"
    told = python(code, DSP_HOME=str(unstarted), PATH=path)
    # On the first start of a home alone.
    assert told.startswith("text\n")
    assert "first start: you are " in told
    assert "the recovery key is only on this disk" in told
    assert f"`dsp profile add --home {unstarted}` writes" in told
    first = client_file(unstarted)
    assert python("import dsp; print(dsp.pull('first'))", DSP_HOME=str(unstarted)) == "text\n"
    assert client_file(unstarted) == first


def test_two_that_start_at_once_share_one_daemon(unstarted):
    path = f"{programs()}{os.pathsep}{os.environ['PATH']}"
    said = []
    code = "import dsp; print(dsp.client.client().health()['pid'])"
    threads = [
        threading.Thread(
            target=lambda: said.append(python(code, DSP_HOME=str(unstarted), PATH=path))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pids = [one.splitlines()[0] for one in said]
    assert pids == [str(client_file(unstarted).pid)] * 3
    assert sum("first start" in one for one in said) == 1


def test_where_there_is_no_daemon_it_says_how_to_get_one(unstarted, monkeypatch):
    monkeypatch.setenv("DSP_HOME", str(unstarted))
    monkeypatch.setenv("PATH", "/nowhere:relative")
    with pytest.raises(dsp.DaemonNotFoundError) as caught:
        dsp.ls()
    assert str(caught.value).splitlines()[0] == "no daemon runs, and there is no dspd to start"
    assert "hint: install dsp" in str(caught.value)


def test_a_daemon_that_ends_at_once_leaves_its_last_words(unstarted, tmp_path, monkeypatch):
    fake = tmp_path / "dspd"
    fake.write_text("#!/bin/sh\necho the disk is on fire >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("DSP_HOME", str(unstarted))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(dsp.DaemonNotFoundError, match=r"code 3\ncause: the disk is on fire"):
        dsp.ls()


def test_a_url_and_a_token_are_enough(alice, monkeypatch):
    file = client_file(alice.home)
    monkeypatch.setenv("DSP_URL", file.address)
    monkeypatch.setenv("DSP_TOKEN", file.token)
    dsp.push("url/text", "text")
    assert dsp.pull("url/text") == "text"
    for url in (f"{file.address}/", f"{file.address}/api", f"{file.address}/api/v1"):
        monkeypatch.setenv("DSP_URL", url)
        monkeypatch.setenv("DSP_TOKEN", f"{file.token}\n")
        assert dsp.pull("url/text") == "text"
    monkeypatch.setenv("DSP_TOKEN", "wrong")
    with pytest.raises(dsp.UnauthorizedError, match="token"):
        dsp.ls()
    monkeypatch.setenv("DSP_TOKEN", "two\nlines")
    with pytest.raises(dsp.ConfigurationError, match="letters that no token has"):
        dsp.ls()
    monkeypatch.delenv("DSP_TOKEN")
    with pytest.raises(dsp.UnauthorizedError, match="hint: DSP_TOKEN shows a token"):
        dsp.ls()


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://"])
def test_an_address_that_is_none(url, monkeypatch):
    monkeypatch.setenv("DSP_URL", url)
    with pytest.raises(dsp.ConfigurationError, match="no address of a daemon"):
        dsp.ls()


def test_nobody_at_the_address(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DSP_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(
            dsp.DaemonNotFoundError, match=r"(?s)no daemon answers.*hint: does it run there"
        ):
            dsp.ls()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_home_that_cannot_be(name, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DSP_HOME", str(tmp_path / name))
    with pytest.raises(dsp.DaemonNotFoundError, match="is in, or is, a file"):
        dsp.ls()


def test_a_home_that_cannot_be_made(monkeypatch):
    # Nobody, not even root, makes a folder there.
    monkeypatch.setenv("DSP_HOME", "/proc/nothing/home")
    monkeypatch.setenv("PATH", str(programs()))
    with pytest.raises(dsp.DaemonNotFoundError, match="cannot be made"):
        dsp.ls()


class Stranger(BaseHTTPRequestHandler):
    """Another program that listens where the daemon did, and writes down what it is told."""

    told: list = []

    def do_GET(self):
        Stranger.told.append(self.headers.get("Authorization"))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok", "pid": 1, "items": []}')

    def log_message(self, *args):
        pass


def test_a_stranger_on_an_old_port_does_not_get_the_token(unstarted, monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        (unstarted / "run").mkdir(parents=True)
        address = f"http://127.0.0.1:{server.server_port}"
        stale = {"address": address, "token": "secret", "pid": 999_999}
        (unstarted / "run" / "client.json").write_text(json.dumps(stale))
        monkeypatch.setenv("DSP_HOME", str(unstarted))
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(dsp.DaemonNotFoundError):
            dsp.ls()
    finally:
        server.shutdown()
        server.server_close()
        (unstarted / "run" / "client.json").unlink()
    assert Stranger.told
    assert set(Stranger.told) == {None}


def test_half_a_file_counts_as_none(unstarted, monkeypatch):
    (unstarted / "run").mkdir(parents=True)
    (unstarted / "run" / "client.json").write_text('{"address": "http')
    assert client_file(unstarted) is None


def test_a_child_after_fork_has_connections_of_its_own(here):
    code = """
import os, dsp
dsp.push("fork/text", "x" * 100_000)
children = []
for n in range(4):
    pid = os.fork()
    if pid == 0:
        ok = all(dsp.pull("fork/text") == "x" * 100_000 for _ in range(20))
        os._exit(0 if ok else 1)
    children.append(pid)
ok = all(dsp.pull("fork/text") == "x" * 100_000 for _ in range(20))
print(ok, [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
"""
    assert python(code, DSP_HOME=str(here.home)) == "True [0, 0, 0, 0]\n"


def test_what_was_found_goes_to_other_processes_without_the_token(here, monkeypatch):
    dsp.push("fork/sent", "text")
    stack = dsp.stack("fork/sent")
    sent = pickle.dumps((stack, stack.head, stack.head.attachments[0]))
    token = client_file(here.home).token
    assert token.encode() not in sent
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer)[2].text())"
    said = subprocess.run(
        [sys.executable, "-c", code],
        input=sent,
        env={**os.environ, "DSP_HOME": str(here.home)},
        capture_output=True,
        timeout=DEADLINE_SECONDS,
    )
    assert said.stdout == b"text\n", said.stderr
    monkeypatch.setenv("DSP_URL", "http://127.0.0.1:9")
    with pytest.raises(dsp.ConfigurationError, match=r"(?s)this came from.*hint: set DSP_URL"):
        pickle.loads(sent)


def test_a_child_after_fork_does_not_wait_for_threads_that_it_has_not(here):
    code = """
import os, threading
import dsp
from dsp import client, logger

dsp.push("fork/locked", "text")
logger.enable()
found = client.client()
held, end = threading.Event(), threading.Event()

def hold():
    with client._lock, found._lock, logger._lock:
        held.set()
        end.wait(60)

threading.Thread(target=hold, daemon=True).start()
held.wait(60)
pid = os.fork()
if pid == 0:
    os._exit(0 if dsp.pull("fork/locked") == "text" else 1)
print(os.waitpid(pid, 0)[1])
end.set()
"""
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DSP_HOME": str(here.home)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert said.stdout == "0\n", said.stderr


def test_a_child_after_fork_leaves_the_events_of_its_parent(here):
    code = """
import os, dsp

events = dsp.watch("fork/watched", timeout_seconds=60) if dsp.push("fork/watched", "one") else None
pid = os.fork()
if pid == 0:
    events.close()
    os._exit(0)
os.waitpid(pid, 0)
dsp.push("fork/watched", "two")
print(next(events).name)
"""
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DSP_HOME": str(here.home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout == "stack.head_changed\n", said.stderr


def test_events_of_a_daemon_that_ended_say_what_to_do(folder):
    node = Node(folder / "ended", "ended")
    node.start()
    with node.current():
        events = dsp.watch(timeout_seconds=60)
        node.stop()
        match = r"(?s)no more events.*cause: .*hint: watch again"
        with pytest.raises(dsp.ConnectionLostError, match=match):
            next(events)


def test_a_daemon_that_was_started_anew_is_found_again(folder):
    node = Node(folder / "anew", "anew")
    node.start()
    try:
        with node.current():
            dsp.push("text", "text")
            node.stop()
            node.start()
            assert dsp.pull("text") == "text"
    finally:
        node.stop()


def test_secrets_are_not_shown(alice):
    file = client_file(alice.home)
    assert file.token not in repr(file)
    assert file.token not in repr(alice.client())
    assert file.token not in str(vars(dsp.DspError("x")))


def test_a_watch_ends_in_time_although_the_daemon_shows_that_it_is_alive(monkeypatch):
    done = threading.Event()

    class Alive(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            while not done.wait(0.02):
                self.wfile.write(b":\n\n")

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Alive)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    # Without an end of its own it would wait as long as the daemon is alive.
    watchdog = threading.Timer(DEADLINE_SECONDS / 4, done.set)
    watchdog.start()
    monkeypatch.setenv("DSP_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        assert list(dsp.watch(timeout_seconds=0.3)) == []
        assert not done.is_set()
    finally:
        watchdog.cancel()
        done.set()
        thread.join()
        server.server_close()
