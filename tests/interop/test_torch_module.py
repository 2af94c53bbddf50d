"""npseq's layers as PyTorch's modules: its own gradcheck accepts them, and its optimizers train them."""

import numpy as np
import pytest

import npseq as ns

torch = pytest.importorskip("torch")

LAYERS = {
    "rnn": lambda: ns.RNN(2, 3, num_layers=2, dtype=np.float64, rng=0),
    "gru": lambda: ns.GRU(2, 3, reset="before", bidirectional=True, dtype=np.float64, rng=0),
    "lstm": lambda: ns.LSTM(2, 3, peepholes=True, proj_size=2, dtype=np.float64, rng=0),
}


def double(*shape):
    return torch.tensor(np.random.default_rng(1).normal(size=shape), requires_grad=True)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("lengths", [None, [4, 2]])
def test_pytorchs_gradcheck_accepts_a_recurrent_layer(kind, lengths):
    layer = LAYERS[kind]()
    module = ns.interop.torch.module(layer)
    x = double(4, 2, 2)
    _, last, _ = layer.forward(x.detach().numpy())
    parts = [double(*part.shape) for part in (last if isinstance(last, tuple) else (last,))]
    ends = None if lengths is None else np.array(lengths)

    def f(x, *rest):
        given, own = rest[: len(parts)], dict(zip(layer.params, rest[len(parts) :], strict=True))
        state = given if len(given) > 1 else given[0]
        y, last = torch.func.functional_call(module, own, (x, state, ends))
        return (y, *(last if isinstance(last, tuple) else (last,)))

    assert torch.autograd.gradcheck(f, (x, *parts, *module.parameters()))


@pytest.mark.parametrize(
    "layer", [ns.Linear(2, 3, dtype=np.float64, rng=0), ns.Embedding(5, 2, dtype=np.float64, rng=0)]
)
def test_pytorchs_gradcheck_accepts_the_other_layers(layer):
    layer = layer.astype(np.float64)
    module = ns.interop.torch.module(layer)
    x = double(4, 2, 2) if isinstance(layer, ns.Linear) else torch.tensor([[0, 3], [3, 1]])

    def f(*own):
        return torch.func.functional_call(module, dict(zip(layer.params, own, strict=True)), (x,))

    assert torch.autograd.gradcheck(f, tuple(module.parameters()))


def test_the_values_and_gradients_are_the_layers():
    layer = LAYERS["lstm"]()
    module, x = ns.interop.torch.module(layer), double(4, 2, 2)
    y, (h, c) = module(x)
    (y.sum() + c.sum()).backward()
    expected, last, tape = layer.forward(x.detach().numpy())
    dx, _, grads = layer.backward(np.ones_like(expected), tape, (np.zeros_like(last[0]), np.ones_like(last[1])))
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    np.testing.assert_array_equal(h.detach().numpy(), last[0])
    np.testing.assert_array_equal(x.grad.numpy(), dx)
    for name, one in module.named_parameters():
        np.testing.assert_array_equal(one.grad.numpy(), grads[name])


def test_an_optimizer_of_pytorch_trains_the_layer_itself():
    layer = ns.GRU(2, 4, rng=0)
    model = torch.nn.ModuleDict({"core": ns.interop.torch.module(layer), "out": torch.nn.Linear(4, 1)})
    x = torch.tensor(np.random.default_rng(2).normal(size=(6, 8, 2)).astype(np.float32))
    wanted, before = x.sum(dim=(0, 2), keepdim=True)[0], layer.params.flat.copy()
    optimizer, losses = torch.optim.Adam(model.parameters(), 0.02), []
    for _ in range(60):
        optimizer.zero_grad()
        loss = ((model["out"](model["core"](x)[1][0]) - wanted) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert (layer.params.flat != before).any()
    np.testing.assert_array_equal(layer.params["W_hn"], model["core"].W_hn.detach().numpy())


def test_a_module_of_another_dtype_is_a_copy():
    layer = ns.RNN(2, 3, rng=0)
    module = ns.interop.torch.module(layer).double()
    assert ns.gradcheck(module, double(3, 2, 2).detach()).passed
    assert layer.dtype == np.float32
    assert "RNN(2, 3" in repr(module)


def test_what_is_no_such_layer_is_refused():
    with pytest.raises(TypeError, match="layer must be an RNN, GRU, LSTM, Linear or Embedding"):
        ns.interop.torch.module(ns.Dropout(0.5))
