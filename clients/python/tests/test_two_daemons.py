"""What one pushes the other pulls; and what is another's is not run."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.linear_model import LinearRegression

import dsp


@pytest.fixture(scope="module")
def followed(alice, bob):
    """Bob follows Alice's context, in which there is a first text."""
    with alice.current():
        dsp.push("two/first", "first")
        ticket = dsp.share("main")
    with bob.current():
        found = dsp.follow(str(ticket)[:20] + "\n " + str(ticket)[20:])
    assert found.label == "alice/main"
    assert found.synced
    return found


def test_a_table_travels(alice, bob, followed):
    table = pd.DataFrame({"a": ["007", None], "c": pd.Categorical(["x", "y"])})
    with bob.current():
        events = dsp.watch(timeout_seconds=60)
    with alice.current():
        pushed = dsp.push("two/table", table, "A table", region="EU")
    with bob.current():
        for event in events:
            if event.data.get("name") == "two/table" and event.data.get("frame") == pushed.id:
                break
        else:
            pytest.fail("the head did not arrive")
        back = dsp.pull("alice:two/table", region="EU")
        pd.testing.assert_frame_equal(back, table)
        pd.testing.assert_frame_equal(dsp.pull("/alice/two/table"), table)
        pd.testing.assert_frame_equal(dsp.pull(pushed.url), table)
        assert dsp.stack("alice:two/table").head.attachments[0].description == "A table"
        assert "alice:two/table" in [stack.reference for stack in dsp.ls("alice/main")]


def test_a_pickle_of_another_is_not_loaded_unless_one_says_so(alice, bob, followed):
    model = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    with bob.current():
        events = dsp.watch(timeout_seconds=60)
    with alice.current():
        pushed = dsp.push("two/model", model)
    with bob.current():
        for event in events:
            if event.data.get("frame") == pushed.id:
                break
        with pytest.raises(dsp.UntrustedError, match=r"(?s)pickle by alice.*hint: if you trust"):
            dsp.pull("alice:two/model")
        loaded = dsp.pull("alice:two/model", allow_pickle=True)
        assert loaded.predict([[2.0]]) == pytest.approx([5.0])
        with pytest.raises(dsp.UntrustedError):
            dsp.pull("alice:two/model", decoder="sklearn")
        user = dsp.stack("alice:two/model").user
        bob.client()._json("PATCH", f"/peers/{user}/trust", None, {"code": True})
        try:
            assert dsp.pull("alice:two/model").coef_ == pytest.approx([2.0])
        finally:
            bob.client()._json("PATCH", f"/peers/{user}/trust", None, {"code": False})


def test_trees_of_another_are_not_loaded_unless_one_says_so(alice, bob, followed):
    points, values = np.arange(200.0).reshape(100, 2), np.arange(100.0)
    light = lgb.train({"verbose": -1, "num_leaves": 3}, lgb.Dataset(points, values), 2)
    boosted = xgb.train({"max_depth": 2}, xgb.DMatrix(points, values), 2)
    with bob.current():
        events = dsp.watch(timeout_seconds=60)
    with alice.current(), dsp.create_frame("two/trees") as frame:
        frame.commit(light, kind="light").commit(boosted, kind="boosted")
    with bob.current():
        for event in events:
            if event.data.get("frame") == frame.id:
                break
        for kind, name in (("light", "LightGBM"), ("boosted", "XGBoost")):
            match = rf"(?s)a model of {name} by alice: its library.*hint: if you trust"
            with pytest.raises(dsp.UntrustedError, match=match):
                dsp.pull("alice:two/trees", kind=kind)
        assert dsp.pull("alice:two/trees", kind="light", allow_pickle=True).num_trees() == 2
        back = dsp.pull("alice:two/trees", kind="boosted", allow_pickle=True)
        assert back.num_boosted_rounds() == 2


def test_an_unqualified_name_is_never_another_users(alice, bob, followed):
    with bob.current(), pytest.raises(dsp.StackNotFoundError, match="two/first"):
        dsp.pull("me:two/first")


def test_what_is_private_goes_where_nobody_else_reads(alice, bob, followed):
    with alice.current():
        # Bob reads the current context.
        first = dsp.push("two/diary", "mine", access="private")
        assert dsp.pull("me/private:two/diary") == "mine"
        dsp.push("two/diary", "mine too", access="private")
        assert dsp.pull("me:two/diary") == "mine too"
        assert len(list(dsp.stack("me/private:two/diary").frames())) == 2
        assert first.id
        with pytest.raises(dsp.RefusedError, match="would not be private"):
            dsp.push("two/first", "mine", access="private")
    with bob.current(), pytest.raises(dsp.StackNotFoundError):
        dsp.pull("alice:two/diary")


def test_a_stack_for_one_user_alone(alice, bob, followed, capsys):
    with alice.current():
        alice.client().post("/contexts", {"name": "drafts"})
        dsp.push("me/drafts:plan", "later")
        context = dsp.share_with("me/drafts:plan", ["bob"])
        assert context
        # What the other one does next, as nothing comes by itself.
        told = capsys.readouterr().err
        assert told.startswith("bob: told of it once met;")
        assert "dsp.follow()" in told
        with pytest.raises(dsp.ConfigurationError, match="list of petnames"):
            dsp.share_with("me/drafts:plan", "bob")


def test_a_ticket_that_is_none(bob):
    with bob.current(), pytest.raises(dsp.DspError):
        dsp.follow("dsp1nonsense")
