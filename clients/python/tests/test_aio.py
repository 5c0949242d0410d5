"""The async twin, on asyncio and on trio."""

import asyncio
import inspect
import tempfile
import threading

import anyio
import anyio.lowlevel
import numpy as np
import pandas as pd
import pytest
from conftest import DEADLINE_SECONDS

import dsp
from dsp import aio, attachment, pushing, sharing, stacks
from dsp.client import Client
from dsp.types import base

pytestmark = [pytest.mark.usefixtures("here"), pytest.mark.anyio]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


async def test_push_and_pull():
    table = pd.DataFrame({"code": ["007", None]})
    result = await aio.push("aio/table", table, "A table", region="EU")
    assert result.id == dsp.stack("aio/table").head.id
    pd.testing.assert_frame_equal(await aio.pull("aio/table", region="EU"), table)
    pd.testing.assert_frame_equal(await aio.pull_data("aio/table"), table)
    with pytest.raises(dsp.StackNotFoundError):
        await aio.pull("aio/nothing")


async def test_frames_and_stacks(tmp_path, anyio_backend_name):
    name = f"aio/frames/{anyio_backend_name}"
    await aio.push(name, "first", message="one")
    async with aio.create_frame(name) as frame:
        await frame.input(name)
        await frame.commit("second", "The second", n=2)
        await frame.param("n", dsp.slider(unit="km"))
        await frame.push(message="two", tags=["v2"])
    stack = await aio.stack(name)
    assert [one.plain.message async for one in stack.frames()][:2] == ["two", "one"]
    head = await stack.head()
    assert await stack.tags() == {"v2": head.id}
    assert head.plain.widgets == {"n": dsp.slider(unit="km")}
    (one,) = await head.attachments()
    assert await one.text() == "second"
    assert (await one.save(tmp_path)).read_text() == "second"
    second = await head.attachment(params={"n": 2})
    assert await second.read() == b"second"
    assert await second.read_range(1, 3) == b"ec"
    assert await second.may_run_code()
    assert await second.author() == dsp.pull(name, decoder=lambda one: one.author)
    assert [one.plain.message async for one in head.history()][:2] == ["two", "one"]
    assert (await head.latest({"message": "one"})).plain.message == "one"
    assert (await stack.diff())["message"] == {"from": "one", "to": "two"}
    assert (await stack.lineage())["inputs"][0]["name"] == name
    assert stack.reference in [found.reference for found in await aio.ls()]
    assert [hit.stack for hit in await aio.search("two")].count(name) == 1
    await stack.tag("v3")
    await stack.untag("v2")
    assert set(await stack.tags()) == {"v3"}
    await stack.remove()
    assert name not in [found.reference for found in await aio.ls()]


async def test_a_block_that_fails_pushes_nothing():
    with pytest.raises(ZeroDivisionError):
        async with aio.create_frame("aio/broken") as frame:
            await frame.commit("half")
            raise ZeroDivisionError
    with pytest.raises(dsp.StackNotFoundError):
        await aio.stack("aio/broken")


async def test_nothing_is_asked_of_the_daemon_by_the_loop_itself(
    monkeypatch, tmp_path, anyio_backend_name
):
    """Its answer may take long, and all other tasks would wait for it."""
    name = f"aio/loop/{anyio_backend_name}"
    send, threads = Client._send, set()

    def seen(self, *args, **options):
        threads.add(threading.current_thread())
        return send(self, *args, **options)

    monkeypatch.setattr(Client, "_send", seen)
    await aio.push(name, "first", message="one")
    async with aio.create_frame(name) as frame:
        await frame.input(f"/alice/{name}")
        await frame.commit("second", "The second", n=2)
    stack = await aio.stack(name)
    await stack.tags()
    await stack.lineage()
    await stack.diff()
    head = await stack.head()
    assert [one async for one in head.history()]
    (one,) = await head.attachments()
    await one.author()
    await one.save(tmp_path)
    await stack.pull(n=2)
    async with aio.watch(timeout_seconds=0.1) as events:
        assert [event async for event in events] == []
    await stack.remove()
    assert threads
    assert threading.current_thread() not in threads


async def test_a_block_that_is_cancelled_leaves_no_files(monkeypatch, tmp_path):
    monkeypatch.setattr(base, "IN_MEMORY_BYTES", -1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = []
    with anyio.CancelScope() as scope:
        async with aio.create_frame("aio/cancelled") as frame:
            made.append(frame)
            await frame.commit(np.arange(10))
            assert len(list(tmp_path.iterdir())) == 1
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(dsp.StackNotFoundError):
        await aio.stack("aio/cancelled")


async def test_many_at_once():
    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(aio.push, f"aio/many/{n}", f"text {n}")
    found = {}

    async def get(n):
        found[n] = await aio.pull(f"aio/many/{n}")

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(get, n)
    assert found == {n: f"text {n}" for n in range(20)}


async def test_watching_ends_when_the_task_is_cancelled():
    await aio.push("aio/watched", "one")
    told = []
    async with anyio.create_task_group() as group:
        async with aio.watch("aio/watched", timeout_seconds=60) as events:
            pushed = await aio.push("aio/watched", "two " + anyio.get_current_task().name)
            told.append(await anext(events))

        async def watch(task_status):
            async with aio.watch("aio/watched") as events:
                task_status.started()
                told.extend([event async for event in events])

        await group.start(watch)
        with anyio.fail_after(10):
            group.cancel_scope.cancel()
    assert [event.data["frame"] for event in told] == [pushed.id]
    # Closed already, it has no more.
    events = aio.watch(timeout_seconds=0.1)
    assert [event async for event in events] == []
    await events.aclose()


async def test_a_cancelled_push_sends_no_more(monkeypatch, tmp_path):
    sent, begun = [], anyio.Event()
    upload = Client.upload
    token = anyio.lowlevel.current_token()

    def slowly(self, pieces, **known):
        def counted():
            for piece in pieces:
                sent.append(len(piece))
                anyio.from_thread.run_sync(begun.set, token=token)
                anyio.from_thread.run(anyio.sleep, 0.01)
                yield piece

        return upload(self, counted(), **known)

    monkeypatch.setattr(Client, "upload", slowly)
    data = anyio.get_current_task().name.encode() + bytes(50 << 20)
    async with anyio.create_task_group() as group:
        group.start_soon(aio.push, "aio/cancelled", data)
        await begun.wait()
        group.cancel_scope.cancel()
    assert sum(sent) < len(data)
    with pytest.raises(dsp.StackNotFoundError):
        await aio.stack("aio/cancelled")


def test_the_twin_has_all_calls_with_the_same_arguments():
    calls = [name for name in dsp.__all__ if inspect.isfunction(getattr(dsp, name))]
    # Nothing is sent by these.
    said = {name for name in calls if getattr(dsp, name).__module__ == "dsp.widgets"}
    calls = set(calls) - {"tab", "configure"} - said
    assert calls <= set(vars(aio))
    for name in calls:
        one, other = inspect.signature(getattr(dsp, name)), inspect.signature(getattr(aio, name))
        assert list(one.parameters) == list(other.parameters), name
    for plain, twin in (
        (stacks.Stack, aio.Stack),
        (stacks.Frame, aio.Frame),
        (pushing.StackFrame, aio.StackFrame),
        (sharing.Events, aio.Events),
        (attachment.Attachment, aio.Attachment),
    ):
        for name, member in vars(twin).items():
            if inspect.iscoroutinefunction(member) and not name.startswith("_"):
                assert hasattr(plain, name.removeprefix("a") if name == "aclose" else name)
        calls = {n for n, member in vars(plain).items() if inspect.isfunction(member)}
        public = {n for n in calls if not n.startswith("_")} - {"close", "interrupt"}
        # What is read piece by piece is not awaited as a whole.
        assert public - {"open", "stream", "stream_into", "caller"} <= set(vars(twin))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_push_that_asyncio_gave_up_makes_no_frame(monkeypatch):
    began, go_on, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    push = pushing.StackFrame.push

    def slowly(self, *args, **kwargs):
        loop.call_soon_threadsafe(began.set)
        try:
            assert go_on.wait(DEADLINE_SECONDS)
            return push(self, *args, **kwargs)
        finally:
            ended.set()

    monkeypatch.setattr(pushing.StackFrame, "push", slowly)
    task = asyncio.create_task(aio.push("aio/given-up", "text"))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    assert await anyio.to_thread.run_sync(ended.wait, DEADLINE_SECONDS)
    with pytest.raises(dsp.StackNotFoundError):
        dsp.stack("aio/given-up")
