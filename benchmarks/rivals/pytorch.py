"""The same step with torch.nn, as PyTorch's users write it."""

from __future__ import annotations

import torch
from torch import nn


def step(
    cell: str, T: int, B: int, V: int, H: int, dtype: str = "float32", layers: int = 1, embedding: int | None = None
):
    """A function of nothing that does one step: forward, loss, backward, clip, update."""
    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    recurrent = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](embedding or V, H, layers).to(kind)
    head = nn.Linear(H, V).to(kind)
    table = None if embedding is None else nn.Embedding(V, embedding).to(kind)
    params = [*recurrent.parameters(), *head.parameters(), *([] if table is None else table.parameters())]
    optimizer = torch.optim.SGD(params, lr=0.1)
    ids, targets = torch.randint(V, (T, B)), torch.randint(V, (T * B,))

    def run():
        x = nn.functional.one_hot(ids, V).to(kind) if table is None else table(ids)
        y, _ = recurrent(x)
        loss = nn.functional.cross_entropy(head(y.reshape(T * B, H)), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        return loss

    return run
