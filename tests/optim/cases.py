"""What the tests of the optimizers share: every optimizer with its options, parameters, and a run of some steps."""

import numpy as np
import pytest

from npseq.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from npseq.parameters import Parameters, simple_layout

SHAPES = {"W_xh": (3, 4), "W_hh": (4, 4), "b_h": (4,)}
CASES = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.02}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.02}),
    (RMSprop, {}),
    (RMSprop, {"lr": 0.05, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.02}),
    (RMSprop, {"centered": True}),
    (RMSprop, {"momentum": 0.9}),
    (RMSprop, {"momentum": 0.7, "centered": True, "weight_decay": 0.02}),
    (Adam, {}),
    (Adam, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.02}),
    (Adam, {"amsgrad": True}),
    (AdamW, {}),
    (AdamW, {"lr": 0.05, "betas": (0.8, 0.95), "weight_decay": 0.3, "amsgrad": True}),
    (AdamW, {"weight_decay": 0}),
    (Adagrad, {}),
    (Adagrad, {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.02, "initial_accumulator_value": 0.3, "eps": 1e-3}),
]
EVERY_CASE = pytest.mark.parametrize(("kind", "options"), CASES)


def alone(optimizer, *grads):
    """Returns the parameter, which starts at 1, after a step for each of the gradients."""
    params = {"w": np.array([1.0])}
    for grad in grads:
        optimizer.step(params, {"w": np.array([float(grad)])})
    return params["w"].item()


def draw(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}


def as_parameters(arrays):
    flat = np.concatenate([array.ravel() for array in arrays.values()])
    return Parameters(simple_layout({name: array.shape for name, array in arrays.items()}), flat)


def run(optimizer, params, steps=range(6)):
    for seed in steps:
        grads = {name: 2.0 ** (1 - seed) * array for name, array in draw(100 + seed).items()}
        optimizer.step(params, as_parameters(grads) if hasattr(params, "flat") else grads)
    return params
