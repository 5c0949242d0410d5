"""What goes wrong, and what it says: the cause, and what to do."""

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import DEADLINE_SECONDS, Node

import dsp
from dsp import types
from dsp.client import Client


@pytest.mark.parametrize(
    "name", ["no spaces here", "", "a//b", "/", "ä" * 300, "a#b#c", "..", "a@b"]
)
def test_names_that_break_the_rules_are_refused(here, name):
    with pytest.raises(dsp.DspError) as caught:
        dsp.push(name, "text")
    assert "hint: " in str(caught.value) or "cause: " in str(caught.value)


@pytest.mark.parametrize("name", [3, None, pd.DataFrame({"a": [1]}), ["x"]])
def test_what_is_no_name(here, name):
    for call in (lambda: dsp.push(name, "text"), lambda: dsp.pull(name), lambda: dsp.stack(name)):
        with pytest.raises(dsp.ConfigurationError, match="a stack is named by a text"):
            call()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"description": {"a": 1}}, "a description is a text, and this is a dict"),
        ({"message": 3}, "a message is a text"),
        ({"params": [1]}, "params is a dict"),
        ({"params": {1: 2}}, "the name of a parameter is a text"),
        ({"meta": [1]}, "meta is a dict"),
        ({"a": 2**63}, "cannot be a int: 9223372036854775808"),
        ({"a": 10**30}, "cannot be a int"),
        ({"a": np.arange(2)}, "cannot be a ndarray"),
        ({"a": np.datetime64("2020", "ns")}, "cannot be a datetime64"),
        ({"a": {1: 2}}, "cannot be a dict"),
        ({"a": [(1, 2)]}, "cannot be a list"),
        ({"a": [float("nan")]}, "cannot be a list"),
        ({"message": "half \ud800"}, "half a surrogate pair"),
    ],
)
def test_what_would_be_kept_as_something_else_is_refused(here, given, said):
    with pytest.raises(dsp.ConfigurationError, match=said):
        dsp.push("errors/given", "text", **given)
    with pytest.raises(dsp.StackNotFoundError):
        dsp.stack("errors/given")


def test_parameters_come_back_as_they_were(here):
    zone = dt.timezone(dt.timedelta(hours=2))
    given = {
        "least": -(2**63),
        "most": 2**63 - 1,
        "number": np.int8(3),
        "truth": np.True_,
        "day": dt.date(2020, 1, 1),
        "moment": dt.datetime(2020, 1, 1, 12, 0, 0, 500000, tzinfo=zone),
        "utc": dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc),
        "nested": [1, {"a": None}],
    }
    dsp.push("errors/params", "text", **given)
    (one,) = dsp.stack("errors/params").head.attachments
    assert dict(one.params) == given
    assert dsp.pull("errors/params", moment=given["moment"]) == "text"
    # A moment in no zone is one in UTC; digits that Python has not stay text.
    dsp.push("errors/params", "text", n=dt.datetime(2020, 1, 1), t=pd.Timestamp(1, unit="ns"))
    (one,) = dsp.stack("errors/params").head.attachments
    assert one.params["n"] == given["utc"]
    assert one.params["t"] == {"t": "datetime", "v": "1970-01-01T00:00:00.000000001Z"}


def test_who_takes_no_connection_is_told_to_be_absent(monkeypatch):
    """A firewall that says nothing, as a port whose queue is full, is no connection that broke."""
    monkeypatch.setattr("dsp.client._CONNECT_SECONDS", 0.2)
    with contextlib.ExitStack() as held:
        full = held.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        caller = Client.of_url(f"http://127.0.0.1:{full.getsockname()[1]}", "token")
        with pytest.raises(dsp.DaemonNotFoundError, match=r"no daemon answers at http://127"):
            caller.get("/node")
        with pytest.raises(dsp.DaemonNotFoundError, match=r"no daemon answers at http://127"):
            caller.upload(iter([b"x"]), size=1, blake3="0" * 64)


def test_files_of_one_name_are_all_there(here, tmp_path):
    names = ["a-2.txt", "a.txt", "b/a.txt", "c/a.txt"]
    frame = dsp.create_frame("errors/names")
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        frame.commit(path)
    frame.push()
    found = {one.path: one.text() for one in dsp.stack("errors/names").head.attachments}
    assert sorted(found.values()) == sorted(names)
    assert found["a-2.txt"] == "a-2.txt"


def test_a_push_of_nothing_is_refused(here):
    with pytest.raises(dsp.ConfigurationError, match="nothing to push"):
        dsp.create_frame("errors/nothing").push("a message")
    dsp.create_frame("errors/metrics").push(metrics={"loss": 0.5})
    assert dsp.stack("errors/metrics").head.metrics == {"loss": 0.5}


def test_one_tag_is_one_tag(here):
    dsp.create_frame("errors/tags").commit("text").push(tags="v1")
    assert dsp.stack("errors/tags").head.tags == ["v1"]


def test_a_text_that_names_a_file_is_told(here, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a\n1\n")
    with pytest.warns(dsp.DspWarning, match="pass pathlib.Path"):
        dsp.push("errors/path", str(path))
    dsp.push("errors/path", "/no/such/file.csv")
    dsp.push("errors/path", path)
    assert dsp.pull("errors/path")["a"].tolist() == [1]


def test_a_class_is_no_table(here):
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="builtins.type"):
        dsp.push("errors/class", pd.DataFrame)


def test_a_folder_that_is_not_there_is_named(here, tmp_path):
    dsp.push("errors/save", "text")
    with pytest.raises(FileNotFoundError, match="no such folder.*missing"):
        dsp.stack("errors/save").head.attachment().save(tmp_path / "missing" / "x.txt")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_be_no_segment_of_a_path(here, name):
    with pytest.raises(dsp.ConfigurationError, match="is no name"):
        dsp.share(name)


def test_a_traceback_ends_with_what_to_do(here):
    done = subprocess.run(
        [sys.executable, "-c", "import dsp; dsp.push('errors/x', object())"],
        env={**os.environ, "DSP_HOME": str(here.home)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    *_, error, hint = done.stderr.strip().splitlines()
    assert "UnsupportedObjectTypeException: no type is known for builtins.object" in error
    assert hint.startswith("hint: push bytes or a file, pass encoder=")


def test_a_type_that_cannot_be_loaded_is_left_out_with_a_warning(here, monkeypatch):
    class EntryPoint:
        name, value = "broken", "elsewhere:Broken"

        def load(self):
            raise ImportError("no module named nowhere")

    types.all_types.cache_clear()
    monkeypatch.setattr(types, "entry_points", lambda group: [EntryPoint()])
    try:
        with pytest.warns(dsp.DspWarning, match="`broken` of elsewhere:Broken cannot be loaded"):
            dsp.push("errors/type", "text")
    finally:
        monkeypatch.undo()
        types.all_types.cache_clear()


class Talker:
    """Another end that reads a request's head and answers as it is told."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def client(self):
        return Client.of_url(f"http://127.0.0.1:{self.listener.getsockname()[1]}", "token")

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(4096)
                    self.answer(connection, head)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def talker():
    made = []

    def make(answer):
        made.append(Talker(answer))
        return made[-1].client

    yield make
    for one in made:
        one.close()


def reply(status, body, length=None):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Length: {length or len(text)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + text


def test_a_daemon_of_another_version_says_which(talker, here):
    def old(connection, head):
        if b"/health" in head:
            connection.sendall(reply(200, {"status": "ok", "version": "9.9.9", "pid": 1}))
        else:
            problem = {"code": "not_found", "detail": "there is nothing at this path"}
            connection.sendall(reply(404, problem))

    with pytest.raises(dsp.VersionMismatchError) as caught:
        talker(old).get("/things")
    assert str(caught.value).splitlines() == [
        f"dspd 9.9.9 and dsp-client {dsp.__version__} do not understand each other",
        "cause: it does not know GET /api/v1/things",
        "hint: install both from one release, then `dsp daemon stop`: the next call starts it",
    ]
    # The daemon says it in these very words.
    with pytest.raises(dsp.VersionMismatchError, match=r"GET /api/v1/things"):
        here.client().get("/things")
    with pytest.raises(dsp.VersionMismatchError, match=r"DELETE /api/v1/node"):
        here.client().delete("/node")
    with pytest.raises(dsp.NotFoundError):
        here.client().get("/peers/nobody")


def test_a_connection_that_drops_in_the_middle_of_an_upload(talker):
    pieces = iter([bytes(1 << 20)] * 64)
    client = talker(lambda connection, head: connection.recv(1 << 20))
    with pytest.raises(dsp.ConnectionLostError, match=r"(?s)broke off.*cause.*hint: the call can"):
        client.upload(pieces, size=64 << 20, blake3="0" * 64)


def test_a_connection_that_drops_in_the_middle_of_a_download(talker):
    client = talker(lambda connection, _: connection.sendall(reply(200, bytes(1000), length=9999)))
    read = 0
    with (
        pytest.raises(dsp.ConnectionLostError, match=r"(?s)before its end.*hint: pull again"),
        client.download("/blobs/x") as pieces,
    ):
        for piece in pieces:
            read += len(piece)
    assert read == 1000


def test_a_long_answer_that_breaks_off(talker):
    step = b'{"step": "progress", "what": "x", "bytes": 1, "files": 0}\n'
    client = talker(lambda connection, _: connection.sendall(reply(200, step)))
    with pytest.raises(dsp.ConnectionLostError, match=r"(?s)before its end.*can be repeated"):
        client.steps("/frames", {})


def test_a_page_at_the_address_is_no_answer(talker):
    client = talker(lambda connection, _: connection.sendall(reply(200, b"<html>hello")))
    for call in (lambda: client.get("/stacks"), client.health):
        with pytest.raises(dsp.DspError, match="answered 200, which is no answer of dsp"):
            call()


def test_another_program_at_the_address(talker):
    client = talker(lambda connection, _: connection.sendall(reply(500, b"<html>oops")))
    with pytest.raises(dsp.DspError, match=r"(?s)no answer of dsp\nhint: is another program"):
        client.get("/node")


def test_an_answer_without_end_does_not_fill_the_memory(talker, monkeypatch):
    monkeypatch.setattr("dsp.wire._ANSWER_BYTES", 1000)
    client = talker(lambda connection, _: connection.sendall(reply(200, b"[" + b"1," * 1000)))
    with pytest.raises(dsp.DspError, match="exceeds 1000 bytes"):
        client.get("/node")


def test_what_the_daemon_notes_comes_as_a_warning(talker):
    steps = b'{"step": "note", "text": "a link was left out"}\n{"step": "done", "result": {}}\n'
    client = talker(lambda connection, _: connection.sendall(reply(200, steps)))
    with pytest.warns(dsp.DspWarning, match="a link was left out"):
        assert client.steps("/frames", {}) == {}


def test_parquet_files_that_lie(here, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    good = path.read_bytes()
    for n, lie in enumerate(
        [
            good[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
            good[: len(good) // 2] + bytes(64) + good[len(good) // 2 + 64 :],
            good[:-4] + b"PARE",
            b"PAR1PAR1",
            b"",
        ]
    ):
        path.write_bytes(lie)
        dsp.push(f"errors/lie{n}", path)
        with pytest.raises(dsp.DspError, match=r"(?s)no Parquet file.*\ncause: .+\nhint: .save"):
            dsp.pull(f"errors/lie{n}")


def test_values_that_no_type_can_hold_are_named(here):
    table = pd.DataFrame({"good": [1, 2], "bad": [1, object()]})
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=r"(?s)'bad'.*object.*row 1.*hint"):
        dsp.push("errors/value", table)
    for params in ({"x": object()}, {"x": {1}}, {"x": lambda: 0}):
        with pytest.raises(dsp.ConfigurationError, match=r"(?s)a parameter cannot be.*hint"):
            dsp.push("errors/value", "text", params=params)
    with pytest.raises(dsp.StackNotFoundError):
        dsp.stack("errors/value")


def test_a_folder_without_the_right_to_write(folder, monkeypatch):
    """No daemon runs, and none can be started: the home is a file."""
    home = folder / "nohome"
    home.write_text("")
    monkeypatch.setenv("DSP_HOME", str(home))
    with pytest.raises(dsp.DaemonNotFoundError, match=r"(?s)cause: .*hint: "):
        dsp.ls()


def test_texts_that_are_none_are_refused_wherever_they_stand(here):
    odd = "a\ud800"
    calls = [dsp.pull, dsp.stack, dsp.search, dsp.ls, dsp.share, dsp.watch, dsp.open, dsp.follow]
    for call in (*calls, lambda text: dsp.push(text, 1), lambda text: dsp.share_with(text, ["x"])):
        with pytest.raises(dsp.ConfigurationError, match=r"(?s)half a surrogate pair.*hint: "):
            call(odd)
    for call in (dsp.pull, dsp.search):
        with pytest.raises(dsp.ConfigurationError, match=r"(?s)cause: .*too long.*hint: "):
            call("x" * 100_000)
    with pytest.raises(dsp.ConfigurationError, match="a ticket is a text, and this is a NoneType"):
        dsp.follow(None)


def test_a_parameter_that_is_no_number_is_found(here):
    dsp.push("errors/nan", "text", score=float("nan"))
    assert dsp.pull("errors/nan", score=float("nan")) == "text"
    with pytest.raises(dsp.MatchError):
        dsp.pull("errors/nan", score=1.0)


def test_ids_of_frames_are_short_in_errors(here):
    dsp.push("errors/ids", "text", n=1)
    with pytest.raises(dsp.MatchError, match=r"errors/ids@[0-9a-f]{8} fits n=2"):
        dsp.pull("errors/ids", n=2)


def test_a_daemon_that_does_not_answer_is_told_in_time(folder, monkeypatch):
    node = Node(folder / "silent", "silent")
    node.start()
    try:
        with node.current():
            dsp.push("errors/silent", "text")
            caller = node.client()
            monkeypatch.setattr("dsp.client._SMALL_SECONDS", 0.2)
            node.process.send_signal(signal.SIGSTOP)
            try:
                for call in (dsp.ls, lambda: caller.get("/node")):
                    told = r"(?s)did not answer in 0.2 seconds.*dsp daemon logs"
                    with pytest.raises(dsp.ConnectionLostError, match=told):
                        call()
            finally:
                node.process.send_signal(signal.SIGCONT)
            monkeypatch.undo()
    finally:
        node.stop()
