"""PyTorch's RNNCell, GRUCell and LSTMCell, stepped by hand."""

import torch
from answering import one_plain_strand, serve


def answer(case):
    one_plain_strand(case, lengths=True)
    kind = {"rnn": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}[case.cell]
    options = {"nonlinearity": "relu" if case.relu else "tanh"} if case.cell == "rnn" else {}
    cell = kind(case.input_size, case.hidden_size, bias=bool(case.bias), **options).double()
    cell.load_state_dict({name.removesuffix("_l0"): torch.tensor(value) for name, value in case.w.items()})
    lstm = case.cell == "lstm"
    names = ("x", "h0", "c0")[: 2 + lstm]
    at = [torch.tensor(getattr(case, name), requires_grad=True) for name in names]
    state, rows, lengths = [one[0] for one in at[1:]], [], torch.tensor(case.lengths)[:, None]
    for t, x in enumerate(at[0]):
        new = cell(x, tuple(state)) if lstm else [cell(x, state[0])]
        state = [torch.where(t < lengths, a, b) for a, b in zip(new, state, strict=True)]
        rows.append(torch.where(t < lengths, state[0], 0.0))
    outputs = [torch.stack(rows), *(one[None] for one in state)]
    upstream = [torch.tensor(getattr(case, name)) for name in ("dy", "dh", "dc")[: len(outputs)]]
    grads = torch.autograd.grad(outputs, [*at, *cell.parameters()], upstream)
    names = [*names, *(f"{name}_l0" for name, _ in cell.named_parameters())]
    found = dict(zip(("y", "h", "c"), (one.detach() for one in outputs), strict=False))
    return found | {f"d{name}": grad for name, grad in zip(names, grads, strict=True)}


serve(answer)
