"""Gates that are nearly closed keep their digits in float32: beside PyTorch in float64, with the same weights."""

import numpy as np
import pytest

import npseq as ns

torch = pytest.importorskip("torch")
GATES = {ns.LSTM: ("b_i", "b_f", "b_o"), ns.GRU: ("b_r", "b_z")}


@pytest.mark.parametrize("bias", [-10, -17, -20, -30])
@pytest.mark.parametrize(("kind", "gate"), [(kind, gate) for kind, gates in GATES.items() for gate in gates])
def test_outputs_and_gradients_keep_their_digits(kind, gate, bias):
    layer = kind(3, 4, rng=0)
    layer.params[gate] = np.full(4, bias, np.float32)
    other = (torch.nn.LSTM if kind is ns.LSTM else torch.nn.GRU)(3, 4).double()
    weights = ns.interop.torch.export(layer)
    other.load_state_dict({name: torch.tensor(value.astype(float)) for name, value in weights.items()})
    x = np.random.default_rng(1).normal(size=(6, 2, 3)).astype(np.float32)
    y, _, tape = layer.forward(x)
    dx, _, grads = layer.backward(np.ones_like(y), tape)
    seen = torch.tensor(x.astype(float), requires_grad=True)
    theirs, _ = other(seen)
    theirs.sum().backward()
    _alike(y, theirs.detach())
    _alike(dx, seen.grad)
    found = ns.interop.torch.export(layer, grads)
    for name, value in other.named_parameters():
        for ours, right in zip(np.split(found[name], len(value) // 4), value.grad.split(4), strict=True):
            _alike(ours, right)  # gate by gate, each on its own scale


def _alike(ours, right):
    scale = abs(right.numpy()).max()
    np.testing.assert_allclose(ours / scale, right.numpy() / scale, rtol=0, atol=1e-5)
