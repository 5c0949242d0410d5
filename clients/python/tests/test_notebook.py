"""A notebook, run from its first cell to its last by a kernel of its own."""

import json
import os

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

import dsp

CELLS = [
    "%load_ext dsp",
    "import dsp, pandas as pd\ntable = pd.DataFrame({'code': ['007', None], 'n': [1, 2]})",
    "dsp.push('notebook/table', table, 'A table', message='<b>week</b>', region='EU')",
    "%%dsp_push notebook/sum -m 'the sum' -p week=46 --input notebook/table\nint(table['n'].sum())",
    "back = %dsp_pull notebook/table -p region=EU\npd.testing.assert_frame_equal(back, table)",
    "back",
    "%dsp_status",
    "dsp.stack('notebook/table')",
    "dsp.stack('notebook/sum').head",
    "dsp.Markdown('# Title')",
    "await dsp.aio.pull('notebook/sum')",
]


@pytest.fixture
def run(here, tmp_path, monkeypatch):
    """Runs cells, and returns what each showed, by media type."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))

    def ran(cells):
        notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        NotebookClient(
            notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
        ).execute(env={**os.environ, "DSP_HOME": str(here.home)})
        nbformat.validate(notebook)
        return notebook, [
            {media: data for out in cell.outputs for media, data in out.get("data", {}).items()}
            for cell in notebook.cells
        ]

    return ran


def test_a_notebook_pushes_pulls_and_shows(run):
    notebook, shown = run(CELLS)
    pushed, summed, pulled, status, stack, frame, markdown, awaited = shown[2:4] + shown[5:]
    head = dsp.stack("notebook/table").head
    assert pushed["text/plain"].startswith("<PushResult notebook/table@")
    assert f"notebook/table@{head.id[:8]}" in pushed["text/html"]
    assert "notebook/sum" in summed["text/html"]
    assert "007" in pulled["text/html"]
    assert "alice on" in status["text/plain"]
    assert "&lt;b&gt;week&lt;/b&gt;" in stack["text/html"]
    assert stack["text/plain"] == "<Stack notebook/table>"
    assert "#sum.json" in frame["text/html"]
    assert markdown["text/markdown"] == "# Title"
    assert awaited["text/plain"] == "3"
    made = dsp.stack("notebook/sum").head
    assert made.message == "the sum"
    assert made.attachments[0].params == {"week": 46}
    assert [one.name for one in made.inputs] == ["notebook/table"]
    # Nothing that a notebook saves tells a token, and no bar or warning is among the cells.
    assert here_token() not in json.dumps(notebook)
    assert [out for cell in notebook.cells for out in cell.outputs if "text" in out] == []


def here_token():
    from dsp.client import client

    return client()._token


def test_a_cell_that_fails_ends_with_what_to_do(run):
    with pytest.raises(CellExecutionError, match=r"no stack.*\n*hint: "):
        run(["import dsp\ndsp.pull('notebook/nothing')"])
