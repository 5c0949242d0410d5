"""Old dstack scripts run unchanged, and what they ask for is honoured."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

import dsp as dstack
from dsp import DspError

matplotlib.use("svg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.usefixtures("here")


def line_plot(coefficient):
    figure, axes = plt.subplots()
    axes.plot(range(10), [coefficient * x for x in range(10)])
    plt.close(figure)
    return figure


def test_a_plot_is_pushed_in_one_call():
    result = dstack.push_frame("old/simple", line_plot(0.5), "My first plot")
    assert result.url.startswith("dsp://")
    assert str(result) == repr(result) == result.url
    (plot,) = dstack.stack("old/simple").head.attachments
    assert (plot.media, plot.app) == ("image/svg+xml", "matplotlib")
    assert plot.description == "My first plot"
    assert dstack.pull("old/simple").data.startswith(b"<?xml")
    assert dstack.push_frame("old/simple", line_plot(0.5), "My first plot").unchanged


def test_a_frame_has_a_plot_for_each_value_of_a_parameter():
    frame = dstack.create_frame("old/line")
    for coefficient in (0.5, 1.0, 1.5):
        frame.commit(
            line_plot(coefficient), f"With {coefficient}", {"Coefficient": coefficient}, flag=True
        )
    frame.push("three of them")
    head = dstack.stack("old/line").head
    assert head.message == "three of them"
    assert [a.params["Coefficient"] for a in head.attachments] == [0.5, 1.0, 1.5]
    one = dstack.pull("old/line", Coefficient=1.5)
    assert one.path == "line-2.svg"
    assert dstack.pull("old/line", params={"Coefficient": 1.0, "flag": True}).path == "line-1.svg"
    assert dstack.pull("old/line").path == "line-0.svg"
    with pytest.raises(dstack.MatchException, match="Coefficient=7"):
        dstack.pull("old/line", Coefficient=7)


def test_eleven_attachments_keep_their_order():
    frame = dstack.frame("old/eleven")
    for n in range(11):
        frame.add(f"text {n}", n=n)
    frame.push()
    assert [a.params["n"] for a in dstack.stack("old/eleven").head.attachments] == list(range(11))


def test_a_table_comes_back_and_old_parameters_are_taken():
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "007"]})
    dstack.push_frame(
        "old/data", table, "DataFrame example", None, "v2", {"k": np.int64(3), "n": None}
    )
    pd.testing.assert_frame_equal(dstack.pull("old/data"), table)
    pd.testing.assert_frame_equal(dstack.pull("/dstack/old/data"), table)
    head = dstack.stack("old/data").head
    assert head.message == "v2"
    assert head.attachments[0].params == {"k": 3}


def test_meta_and_tabs():
    frame = dstack.frame("old/tabs")
    frame.add("one", params={"Tab one": dstack.tab(), "n": 1})
    frame.add("two", params={"t2": dstack.tab("Tab two")})
    frame.push(dstack.FrameMeta({"message": "rev"}, k=1))
    head = dstack.stack("old/tabs").head
    assert (head.message, head.params) == ("rev", {"k": 1})
    assert head.attachments[0].params == {"Tab one": {"t": "tab", "v": None}, "n": 1}
    assert dstack.pull("old/tabs", t2=dstack.tab("Tab two")) == "two"
    dstack.push("old/meta", "text", meta=dstack.FrameMeta(k=2))
    assert dstack.stack("old/meta").head.params == {"k": 2}


def test_auto_push_shows_each_commit_at_once():
    frame = dstack.create_frame("old/auto", auto_push=True)
    for n in range(3):
        frame.commit(f"text {n}", params={"n": n})
        assert len(dstack.stack("old/auto").head.attachments) == n + 1
    assert frame.push().id == dstack.stack("old/auto").head.id
    assert dstack.pull("old/auto", n=2) == "text 2"


def test_private_is_private_or_refused():
    dstack.push("old/private", "mine", access="private")
    client = dstack.push.__globals__["client"]()
    client.post("/contexts", {"name": "open"})
    dstack.push("me/open:plan", "mine", access="private")
    dstack.share("open")
    with pytest.raises(dstack.RefusedError, match="would not be private"):
        dstack.push("me/open:plan", "mine too", access="private")
    assert dstack.pull("me/open:plan") == "mine"


def test_an_unknown_access_is_refused_before_anything_is_pushed():
    with pytest.raises(dstack.ConfigurationError, match="no access `privat`"):
        dstack.push("old/typo", "mine", access="privat")
    with pytest.raises(dstack.StackNotFoundError):
        dstack.pull("old/typo")


def test_public_says_that_it_shares_nothing():
    with pytest.warns(dstack.DspWarning, match="shares nothing"):
        dstack.push("old/public", "text", access="public")


def test_a_profile_of_another_server_is_refused():
    with pytest.raises(dstack.ConfigurationError, match="DSP_URL"):
        dstack.push_frame("old/x", "text", profile="work")
    with pytest.raises(dstack.ConfigurationError):
        dstack.pull("old/x", "work")


def test_an_object_of_no_type_is_named():
    with pytest.raises(dstack.UnsupportedObjectTypeException, match="builtins.complex"):
        dstack.push_frame("old/x", 3j)


def test_a_name_that_breaks_the_rules_is_the_daemons_error():
    with pytest.raises(DspError, match="hint|name"):
        dstack.push_frame("no spaces here", "text")


def test_encoders_and_decoders_of_ones_own():
    def encode(value):
        return dstack.Encoded(".up", "text/x-upper", data=value.upper().encode())

    dstack.push_frame("old/own", "text", encoder=encode)
    assert dstack.pull("old/own", decoder=lambda a: a.text().lower()) == "text"
    dstack.push_frame("old/own", "text2", handler=encode)
    kept = dstack.pull("old/own")
    assert isinstance(kept, dstack.Attachment)
    assert kept.read() == b"TEXT2"
