"""Free-running generation, greedy: each token is scored, the likeliest chosen, and fed back.

Every function takes a Problem, one layer of one-hot tokens, and returns a function that generates so many ids; those in
TOGETHER do so for each of a batch, after tokens that differ, and return (length, B).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import npseq as ns
from benchmarks.problem import Problem
from benchmarks.rivals import npseq_step, textbook
from benchmarks.rivals.gates import Layer, split

Generate = Callable[[], list[Any]]


def begun(given: Problem) -> np.ndarray:
    """(B,): the token that each sequence begins with."""
    return np.arange(given.case.B) % given.case.V


def npseq(given: Problem, length: int) -> Generate:
    model = npseq_step.language_model(given)
    if given.case.B > 1:
        prefixes = begun(given)[:, None].tolist()
        return lambda: np.transpose(model.generate(prefixes, length))[1:].tolist()
    return lambda: model.generate(np.array([0]), length)[1:].tolist()


def compiled(given: Problem, length: int) -> Generate:
    """npseq's own in compiled loops: the extra `fast`."""

    def run() -> list[int]:
        with ns.settings(compiled=True):
            return own()

    own = npseq(given, length)
    return run


def torch(given: Problem, length: int) -> Generate:
    """As PyTorch's users write it."""
    import torch

    from benchmarks.rivals import pytorch

    network, V = pytorch.network(given), given.case.V

    @torch.inference_mode()
    def run() -> list[int]:
        token, state, out = torch.from_numpy(first[None]), None, []
        for _ in range(length):
            x = torch.nn.functional.one_hot(token, V).to(network.output.weight.dtype)
            y, state = network.recurrent(x, state)
            token = network.output(y[-1]).argmax(-1)[None]
            out.append(token[0].tolist() if several else token.item())
        return out

    first, several = begun(given), given.case.B > 1
    return run


def scratch(given: Problem, length: int) -> Generate:
    """With the cell written out, as d2l's `predict`."""
    import torch

    from benchmarks.rivals.pytorch_scratch import CELLS

    layers, rest = split(given)
    w = Layer(*([torch.from_numpy(a) for a in group] for group in layers[0]))
    W_y, b_y = torch.from_numpy(rest["output.weight"]), torch.from_numpy(rest["output.bias"])
    cell, V = CELLS[given.case.cell], given.case.V

    @torch.no_grad()
    def run() -> list[int]:
        h = c = torch.zeros(1, given.case.H, dtype=W_y.dtype)
        token, out = 0, []
        for _ in range(length):
            x = torch.nn.functional.one_hot(torch.tensor([token]), V).to(W_y.dtype)
            h, c = cell(w, x, h, c)
            token = int((h @ W_y + b_y).argmax())
            out.append(token)
        return out

    return run


def jax(given: Problem, length: int) -> Generate:
    """The whole loop compiled, as one scan."""
    import jax
    import jax.numpy as jnp

    from benchmarks.rivals.jax_scan import cell_step

    case = given.case
    jax.config.update("jax_enable_x64", case.dtype == "float64")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w = {name: jnp.asarray(given.params[f"recurrent.{name}_l0"]) for name in names}
    W_y, b_y = (jnp.asarray(given.params[f"output.{name}"]) for name in ("weight", "bias"))

    def one(carry, _):
        state, token = carry
        state, y = cell_step(case.cell, w, state, jax.nn.one_hot(token, case.V, dtype=case.dtype))
        token = (y @ W_y.T + b_y).argmax(-1)
        return (state, token), token[0]

    @jax.jit
    def loop(token):
        zero = tuple(jnp.zeros((1, case.H), case.dtype) for _ in range(2 if case.cell == "lstm" else 1))
        return jax.lax.scan(one, (zero, token), None, length)[1]

    first = jnp.zeros(1, int)
    return lambda: np.asarray(loop(first)).tolist()


def textbook_numpy(given: Problem, length: int) -> Generate:
    case = given.case
    forward_step = textbook.CELLS[case.cell][0]
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    W_x, W_h, b_x, b_h = (given.params[f"recurrent.{name}_l0"].T.copy() for name in names)
    W_y, b_y = given.params["output.weight"].T.copy(), given.params["output.bias"]
    one_hot = np.eye(case.V, dtype=case.dtype)

    def run() -> list[int]:
        h = c = np.zeros((1, case.H), case.dtype)
        token, out = 0, []
        for _ in range(length):
            h, c, _ = forward_step(one_hot[[token]] @ W_x + b_x, h @ W_h + b_h, h, c)
            token = int((h @ W_y + b_y).argmax())
            out.append(token)
        return out

    return run


GENERATORS = {
    "npseq": npseq,
    "compiled": compiled,
    "torch": torch,
    "scratch": scratch,
    "jax": jax,
    "textbook": textbook_numpy,
}
TOGETHER = ("npseq", "torch")
