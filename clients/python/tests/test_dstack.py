"""Old dstack scripts run unchanged, and what they ask for is honoured."""

import json
import logging

import httpx
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
    assert str(result) == result.url
    assert httpx.get(result.url).status_code == 200
    assert result.url.endswith("/s/old/simple")
    assert repr(result) == f"<PushResult {result.reference}>"
    assert dstack.pull(result).data == dstack.pull("old/simple").data
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
    with pytest.warns(dstack.DspWarning, match="shares nothing") as told:
        dstack.push("old/public", "text", access="public")
    # Once, and at the line of the user.
    assert [one.filename for one in told] == [__file__]


def test_a_profile_of_another_server_is_refused():
    with pytest.raises(dstack.ConfigurationError, match="DSP_URL"):
        dstack.push_frame("old/x", "text", profile="work")
    with pytest.raises(dstack.ConfigurationError):
        dstack.pull("old/x", "work")


def test_an_object_of_no_type_is_named():
    with pytest.raises(dstack.UnsupportedObjectTypeException, match="builtins.object"):
        dstack.push_frame("old/x", object())


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


@pytest.fixture
def configured():
    """Undoes what `configure` did."""
    yield
    dstack.configure(None)


def profile_of(node, name="default", **given):
    caller = node.client()
    return dstack.Profile(name, "dstack", caller._token, f"{caller.address}/api", **given)


@pytest.mark.usefixtures("configured")
def test_a_config_of_ones_own_names_the_daemon(bob):
    config = dstack.InPlaceConfig()
    config.add_or_replace_profile(profile_of(bob))
    config.save()
    dstack.configure(config)
    dstack.push_frame("configured/one", "of bob", "A text")
    assert dstack.pull("configured/one") == "of bob"
    assert [one.name for one in dstack.ls()] == ["configured/one"]
    dstack.configure(None)
    with pytest.raises(dstack.StackNotFoundError):
        dstack.pull("configured/one")
    assert config.remove_profile("default").user == "dstack"
    assert config.list_profiles() == {}


@pytest.mark.usefixtures("configured")
def test_a_profile_of_a_config_is_used_where_it_is_named(bob):
    class Factory(dstack.ConfigFactory):
        def get_config(self):
            config = dstack.InPlaceConfig()
            config.add_or_replace_profile(profile_of(bob, "work"))
            return config

    dstack.configure(Factory())
    dstack.push_frame("configured/two", pd.DataFrame({"a": ["007"]}), profile="work")
    assert dstack.pull("configured/two", "work")["a"].tolist() == ["007"]
    assert dstack.pull_data("configured/two", profile="work")["a"].tolist() == ["007"]
    with pytest.raises(dstack.StackNotFoundError):
        dstack.pull("configured/two")
    with pytest.raises(dstack.ConfigurationError, match="no profile `home`"):
        dstack.pull("configured/two", "home")


@pytest.mark.usefixtures("configured")
def test_configs_that_cannot_be_used_are_refused(alice):
    address = alice.client().address
    for profile, said in [
        (dstack.Profile("default", "me", "t", "not an address"), "no address"),
        (dstack.Profile("default", "me", "t", "https://host/api", verify=False), "certificates"),
    ]:
        config = dstack.InPlaceConfig()
        config.add_or_replace_profile(profile)
        with pytest.raises(dstack.ConfigurationError, match=said):
            dstack.configure(config)
    with pytest.raises(dstack.ConfigurationError, match="a dict is no config"):
        dstack.configure({"default": address})
    config = dstack.InPlaceConfig()
    config.add_or_replace_profile(dstack.Profile("lost", "me", token="t"))
    dstack.configure(config)
    with pytest.raises(dstack.ConfigurationError, match="a token and no server"):
        dstack.pull("old/x", "lost")
    wrong = dstack.Profile("default", "me", "wrong", f"{address}/api")
    config.add_or_replace_profile(wrong)
    assert "wrong" not in repr(wrong)
    dstack.configure(config)
    with pytest.raises(dstack.UnauthorizedError):
        dstack.push_frame("old/x", "text")


def test_calls_are_logged_without_secrets(here):
    token = here.client()._token
    path = dstack.logger.enable({"data": False, "token": False})
    try:
        dstack.push_frame("old/logged", "a secret text", params={"hidden": "parameter"})
        with pytest.raises(dstack.StackNotFoundError):
            dstack.pull("old/nothing")
    finally:
        dstack.logger.disable()
    dstack.pull("old/logged")
    text = path.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    pushes = [line for line in lines if line["path"] == "/api/v1/frames"]
    assert [(line["method"], line["status"]) for line in pushes] == [("POST", 200)]
    assert lines[-1]["error"] == "StackNotFoundError"
    assert lines[-1]["status"] == 404
    assert path.parent == here.home / "logs"
    assert path.stat().st_mode & 0o077 == 0
    for secret in (token, "secret text", "parameter", "logged"):
        assert secret not in text


def test_a_log_goes_where_it_is_wanted(caplog):
    lines = []
    try:
        assert dstack.logger.enable(logger=lines.append) is None
        dstack.ls()
        with caplog.at_level(logging.INFO, "mine"):
            dstack.logger.enable(logger=logging.getLogger("mine"))
            dstack.ls()
    finally:
        dstack.logger.disable()
    assert (
        json.loads(lines[-1])["path"] == json.loads(caplog.messages[-1])["path"] == "/api/v1/stacks"
    )
    with pytest.raises(dstack.ConfigurationError, match="takes no lines"):
        dstack.logger.enable(logger=3)


def test_no_encryption_is_promised():
    class Own(dstack.EncryptionMethod):
        pass

    dstack.push_frame("old/plain", "text", encryption=dstack.NoEncryption(), n=1)
    (one,) = dstack.stack("old/plain").head.attachments
    assert one.params == {"n": 1}
    with pytest.raises(dstack.ConfigurationError, match="cannot be encrypted by Own"):
        dstack.push_frame("old/secret", "text", encryption=Own())
    with pytest.raises(dstack.StackNotFoundError):
        dstack.pull("old/secret")
    dstack.push_frame("old/plain", "text", encryption="a parameter")
    assert dstack.pull("old/plain", encryption="a parameter") == "text"


def test_the_first_pull_wrote_a_file(tmp_path):
    table = pd.DataFrame({"code": ["007", None], "total": [1.5, 2.0]})
    frame = dstack.create_frame("old/files")
    frame.commit(table, "A table", {"kind": "table"})
    frame.commit("some text", "A text", {"kind": "text"})
    frame.push("two")
    csv = str(tmp_path / "data.csv")
    assert dstack.pull("old/files", "default", csv, {"kind": "table"}) == csv
    read = pd.read_csv(csv, dtype={"code": "str"})
    assert read["code"].tolist()[0] == "007"
    assert read["total"].tolist() == [1.5, 2.0]
    parquet = tmp_path / "data.parquet"
    assert dstack.pull("old/files", filename=parquet, kind="table") == str(parquet)
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), table)
    text = tmp_path / "note.txt"
    assert dstack.pull("old/files", "default", str(text), params_of("text")) == str(text)
    assert text.read_text() == "some text"
    assert dstack.pull("old/files", "default", None, params_of("text")) == "some text"
    with pytest.raises(dstack.MatchError):
        dstack.pull("old/files", "default", str(text), params_of("plot"))
    with pytest.raises(dstack.ConfigurationError, match="parameters"):
        dstack.pull("old/files", "default", {"kind": "text"}, {"kind": "text"})
    with pytest.raises(dstack.ConfigurationError, match="cannot be a list"):
        dstack.pull("old/files", "default", ["kind"])


def params_of(kind):
    return {"kind": kind}


def test_a_parameter_may_be_called_filename():
    dstack.push_frame("old/named", "text", filename="a.txt")
    assert dstack.pull("old/named", filename="a.txt") == "text"
    with pytest.raises(dstack.MatchError):
        dstack.pull("old/named", filename="b.txt")


@pytest.mark.parametrize("name", ["app", "md", "cache", "FileDecoder", "tqdm"])
def test_what_is_no_more_is_told_with_what_to_do(name):
    with pytest.raises(AttributeError, match=f"dstack's `{name}` is not here: "):
        getattr(dstack, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(dstack, "non" + "sense")


def test_stacks_of_others_are_not_pushed_to():
    with pytest.raises(dstack.RefusedError, match=r"(?s)stack of bob, .*push to \"x\""):
        dstack.push_frame("/bob/x", "text")


def test_auto_push_makes_a_frame_of_each_commit_and_push_no_more():
    frame = dstack.create_frame("old/auto-thrice", auto_push=True)
    for n in range(3):
        frame.commit(f"text {n}", n=n)
    assert frame.push().id == frame.id
    assert len(list(dstack.stack("old/auto-thrice").frames())) == 3
    assert len(dstack.stack("old/auto-thrice").head.attachments) == 3
