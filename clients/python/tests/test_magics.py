"""`%load_ext dsp` in a real shell of IPython."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

import dsp

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def shell():
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "dsp")
    yield shell
    shell.run_line_magic("unload_ext", "dsp")


def test_the_value_of_a_cell_is_pushed(shell):
    dsp.push("magic/raw", "raw")
    result = shell.run_cell_magic(
        "dsp_push", "magic/cell -m 'week 46' -p k=1 -p region=EU --input magic/raw", "x = 20\nx + 1"
    )
    head = dsp.stack("magic/cell").head
    assert head.id == result.id
    assert head.message == "week 46"
    assert head.attachments[0].params == {"k": 1, "region": "EU"}
    assert [one.name for one in head.inputs] == ["magic/raw"]
    assert shell.run_line_magic("dsp_pull", "magic/cell -p k=1") == 21
    assert "magic/cell" in result._repr_html_()


def test_a_cell_that_fails_pushes_nothing(shell):
    with pytest.raises(ZeroDivisionError):
        shell.run_cell_magic("dsp_push", "magic/fails", "1 / 0")
    with pytest.raises(dsp.StackNotFoundError):
        dsp.stack("magic/fails")


def test_a_cell_without_a_value_says_so(shell):
    with pytest.raises(dsp.ConfigurationError, match="no value to push"):
        shell.run_cell_magic("dsp_push", "magic/none", "x = 1")


def test_a_wrong_line_does_not_end_the_kernel(shell):
    with pytest.raises(dsp.ConfigurationError, match="hint: usage"):
        shell.run_line_magic("dsp_pull", "--wrong")
    with pytest.raises(dsp.ConfigurationError, match="no parameter"):
        shell.run_line_magic("dsp_pull", "magic/cell -p k")
    with pytest.raises(dsp.ConfigurationError, match=r"(?s)no closing quotation.*hint: usage"):
        shell.run_cell_magic("dsp_push", "magic/cell -m 'open", "1")


def test_status(shell):
    assert "alice on" in shell.run_line_magic("dsp_status", "")
