"""The same step with torch.nn, as PyTorch's users write it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.cases import Case
from benchmarks.problem import CLIP, PADDING, RATE, Problem, problem
from benchmarks.rivals import Built

LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def supports(case: Case) -> bool:
    return True


class Network(nn.Module):
    def __init__(self, case: Case):
        super().__init__()
        self.case, kind = case, getattr(torch, case.dtype)
        if case.inputs == "embedding":
            self.embedding = nn.Embedding(case.V, case.D, dtype=kind)
        options = {"bidirectional": case.bidirectional, "dtype": kind}
        self.recurrent = LAYERS[case.cell](case.features, case.H, case.layers, **options)
        self.output = nn.Linear(case.H * case.directions, case.V, dtype=kind)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Logits (T, B, V)."""
        if self.case.inputs == "one-hot":
            x = nn.functional.one_hot(x, self.case.V).to(self.output.weight.dtype)
        elif self.case.inputs == "embedding":
            x = self.embedding(x)
        if lengths is None:
            return self.output(self.recurrent(x)[0])
        y, _ = self.recurrent(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return self.output(pad_packed_sequence(y, total_length=self.case.T)[0])


def network(given: Problem) -> Network:
    """With the problem's parameters."""
    made = Network(given.case)
    made.load_state_dict({name: torch.from_numpy(value) for name, value in given.params.items()})
    return made


def build(given: Problem) -> Built:
    model = network(given)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    x, targets = torch.from_numpy(given.x), torch.from_numpy(given.targets).reshape(-1)
    lengths = None if given.lengths is None else torch.from_numpy(given.lengths)

    def backward() -> torch.Tensor:
        logits = model(x, lengths)
        loss = nn.functional.cross_entropy(logits.reshape(-1, given.case.V), targets, ignore_index=PADDING)
        optimizer.zero_grad()
        loss.backward()
        return loss

    def step() -> torch.Tensor:
        loss = backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        return loss

    @torch.inference_mode()
    def infer() -> torch.Tensor:
        return model(x, lengths)

    def gradient() -> Any:
        return backward().item(), {name: p.grad.numpy().copy() for name, p in model.named_parameters()}

    return Built(step, infer, gradient)


def step(cell: str, T: int, B: int, V: int, H: int, dtype: str = "float32", **options: Any) -> Any:
    """A training step by its sizes alone."""
    return build(problem(Case(cell, T, B, V, H, dtype, **options))).step
