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
@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("docs/tutorials/python.md", 14),
        ("docs/tutorials/from-dstack.md", 2),
        ("clients/python/README.md", 1),
    ],
)
def test_the_code_of_a_page_runs(page, least):
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= least
    names: dict = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"block {number} of {page}", "exec"), names)
