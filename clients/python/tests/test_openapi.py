"""The daemon against its own description of `/api/v1`: schemathesis makes calls, good and bad.

A daemon of its own, as the calls stop it, rotate its keys and remove what is there.
"""

import copy
import json
from pathlib import Path

import pytest
import requests
import schemathesis
from conftest import Node
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from dsp.home import client_file

ROOT = Path(__file__).parents[3]
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
SEED = 4
EXAMPLES = 6
"""Calls per operation and kind, so that all of it takes about a minute."""


def described():
    document = copy.deepcopy(DOCUMENT)
    # An answer without end, which no caller of schemathesis waits for; test_stacks.py reads it.
    del document["paths"]["/api/v1/events"]
    return document


schema = schemathesis.openapi.from_dict(described())


@pytest.fixture(scope="module")
def node(folder):
    node = Node(folder / "fuzzed", "fuzzed")
    try:
        node.start()
        yield node
    finally:
        node.stop()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_operations(case, node):
    if node.process.poll() is not None:
        node.stop()
        node.start()
    file = client_file(node.home)
    case.call_and_validate(
        base_url=file.address, headers={"Authorization": f"Bearer {file.token}"}, timeout=20
    )
