"""The code in the documentation runs, block by block."""

import re
from pathlib import Path

import pytest
from conftest import Node

ROOT = Path(__file__).parents[3]


@pytest.fixture
def fresh(folder):
    node = Node(folder / "docs", "alice")
    node.start()
    try:
        with node.current():
            yield
    finally:
        node.stop()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(("name", "least"), [("python", 9), ("from-dstack", 2)])
def test_the_tutorial_runs(name, least):
    text = (ROOT / f"docs/tutorials/{name}.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= least
    names: dict = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"block {number} of docs/tutorials/{name}.md", "exec"), names)
