"""The daemon against its own description of `/api/v1`: schemathesis makes calls, good and bad.

A daemon of its own, as the calls stop it, rotate its keys and remove what is there.
"""

import copy
import json
from pathlib import Path

import pytest
import requests
import schemathesis
from conftest import DEADLINE_SECONDS, Node
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from dsp.home import client_file

ROOT = Path(__file__).parents[3]
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
SEED = 4
EXAMPLES = 20
"""Calls per operation and kind, so that all of it takes about a minute."""


def described():
    document = copy.deepcopy(DOCUMENT)
    # An answer without end, which no caller of schemathesis waits for; test_stacks.py reads it.
    del document["paths"]["/api/v1/events"]
    return document


CONFIG = {
    "seed": SEED,
    "checks": {
        # The grammar of names and references is not in the document, so any text fits it there;
        # the daemon answers 400, with the character that is wrong.
        "positive_data_acceptance": {
            "expected-statuses": ["2xx", "400", "401", "403", "404", "409"]
        },
    },
}

schema = schemathesis.openapi.from_dict(described(), config=schemathesis.Config.from_dict(CONFIG))

LEFT_OUT = {
    # Asks again without the token, when nobody is there any more; asserted by itself below.
    ("POST", "/api/v1/node/stop"): [checks.ignored_auth],
}


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
    file = client_file(node.home)
    answer = case.call(
        base_url=file.address, headers={"Authorization": f"Bearer {file.token}"}, timeout=20
    )
    if case.operation.path == "/api/v1/node/stop" and answer.status_code < 300:
        node.process.wait(DEADLINE_SECONDS)
        node.start()
    left_out = LEFT_OUT.get((case.operation.method.upper(), case.operation.path), ())
    case.validate_response(answer, excluded_checks=list(left_out))
    assert node.process.poll() is None


def test_nobody_stops_the_daemon_without_a_token(node):
    file = client_file(node.home)
    answer = requests.post(f"{file.address}/api/v1/node/stop", json={}, timeout=20)
    assert answer.status_code == 401
    assert node.process.poll() is None
