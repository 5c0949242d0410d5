"""Libraries of gigabytes, in the long form alone."""

import os

import numpy as np
import pytest
from conftest import around

import dsp

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("here")]


def test_modules_of_torch_by_their_state():
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    state = around(module)
    again = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    again.load_state_dict(state)
    for name, tensor in module.state_dict().items():
        assert torch.equal(state[name], tensor)
        assert state[name].dtype == tensor.dtype
    shared = torch.arange(4, dtype=torch.bfloat16)
    back = around({"one": shared, "other": shared, "turned": torch.ones(2, 3).T})
    assert torch.equal(back["one"], shared)
    assert back["turned"].shape == (3, 2)
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="'sparse' is a Tensor"):
        around({"sparse": torch.eye(3).to_sparse()})


def test_models_of_keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    model.compile(optimizer="sgd", loss="mse")
    back = around(model)
    given = np.ones((4, 3), dtype="float32")
    np.testing.assert_array_equal(back.predict(given, verbose=0), model.predict(given, verbose=0))
    assert back.optimizer.name == model.optimizer.name
