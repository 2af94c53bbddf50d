"""PyTorch's nn.RNN, nn.GRU and nn.LSTM, with packed sequences."""

import torch
from answering import serve, skip_truncated, skip_unless
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def answer(case):
    skip_truncated(case)
    skip_unless((case.lengths.min() > 0, "no empty sequence"))
    options = {"nonlinearity": "relu" if case.relu else "tanh"} if case.cell == "rnn" else {}
    if case.state_size != case.hidden_size:
        options["proj_size"] = case.state_size
    options |= {"num_layers": case.layers, "bidirectional": case.directions == 2, "bias": bool(case.bias)}
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[case.cell]
    layer = kind(case.input_size, case.hidden_size, **options).double()
    layer.load_state_dict({name: torch.tensor(value) for name, value in case.w.items()})
    lstm = case.cell == "lstm"
    at = [torch.tensor(getattr(case, name), requires_grad=True) for name in ("x", "h0", "c0")[: 2 + lstm]]
    x = pack_padded_sequence(at[0], torch.tensor(case.lengths), enforce_sorted=False)
    packed, last = layer(x, tuple(at[1:]) if lstm else at[1])
    y, _ = pad_packed_sequence(packed, total_length=case.T)
    outputs = [y, *(last if lstm else [last])]
    upstream = [torch.tensor(getattr(case, name)) for name in ("dy", "dh", "dc")[: len(outputs)]]
    grads = torch.autograd.grad(outputs, [*at, *layer.parameters()], upstream)
    names = [*("x", "h0", "c0")[: len(at)], *(name for name, _ in layer.named_parameters())]
    found = dict(zip(("y", "h", "c"), (one.detach() for one in outputs), strict=False))
    return found | {f"d{name}": grad for name, grad in zip(names, grads, strict=True)}


serve(answer)
