"""dc and clip_adjoint: by complex step, beside PyTorch's hooks, with lengths, truncations, resets and in pieces."""

import numpy as np
import pytest

import npseq as ns
from npseq.bptt.workspace import Workspace
from npseq.layers.checkpointing import Schedule

T, B, D, H = 6, 3, 2, 3
LENGTHS = np.array([6, 0, 4])
WITH_C = {
    "lstm": lambda: ns.LSTM(D, H, num_layers=2, bidirectional=True, peepholes=True, dtype=np.float64, rng=0),
    "projected": lambda: ns.LSTM(D, H, num_layers=2, proj_size=2, dtype=np.float64, rng=0),
    "lru": lambda: ns.Recurrent(ns.gallery.LRUCell(), D, H, num_layers=2, bidirectional=True, dtype=np.float64, rng=0),
    "slstm": lambda: ns.Recurrent(ns.gallery.SLSTMCell(), D, H, dtype=np.float64, rng=0),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def c_of(tape, lengths=LENGTHS):
    """c after every step of each layer, (T, B, R*C), zero past each length."""
    mask = (np.arange(T)[:, None] < lengths)[..., None]
    return [
        np.concatenate([s.c[1:][:: -1 if d else 1].swapaxes(1, 2) for d, s in enumerate(row)], axis=2) * mask
        for row in tape.strands
    ]


def drawn(layer, x, rng):
    y, _, tape = layer.forward(x, None, LENGTHS)
    return tape, rng.normal(size=y.shape), [rng.normal(size=c.shape) for c in c_of(tape)]


def parameters_by_complex_step(layer, loss):
    copy, flat, found = layer.astype(complex), layer.params.flat, np.empty(layer.params.flat.size)
    for k in range(flat.size):
        moved = flat.astype(complex)
        moved[k] += 1e-30j
        copy.params.flat = moved
        found[k] = loss(copy).imag / 1e-30
    return found


@pytest.mark.parametrize("truncation", [None, ns.Truncated(40)])
@pytest.mark.parametrize("kind", WITH_C)
def test_a_loss_of_every_c_has_the_gradient_of_a_complex_step(kind, truncation, rng):
    layer, x = WITH_C[kind](), rng.normal(size=(T, B, D))
    tape, dy, dcs = drawn(layer, x, rng)
    past = np.where((np.arange(T)[:, None] < LENGTHS)[..., None], 0, np.nan)  # what lies there has no effect
    _, _, grads = layer.backward(dy, tape, None, truncation, dc=[dc + past for dc in dcs])

    def loss(copy):
        y, _, tape = copy.forward(x, None, LENGTHS)
        return (y * dy).sum() + sum((c * dc).sum() for c, dc in zip(c_of(tape), dcs, strict=True))

    wanted = parameters_by_complex_step(layer, loss)
    np.testing.assert_allclose(grads.flat, wanted, rtol=0, atol=1e-13 * abs(wanted).max())


def test_one_array_is_the_last_layers_and_dc_is_linear(rng):
    layer, x = WITH_C["lstm"](), rng.normal(size=(T, B, D))
    tape, dy, (_, top) = drawn(layer, x, rng)
    whole = layer.backward(dy, tape, dc=top, workspace=Workspace())
    parts = layer.backward(None, tape, dc=[None, top]), layer.backward(dy, tape)
    np.testing.assert_allclose(whole[0], parts[0][0] + parts[1][0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(whole[2].flat, parts[0][2].flat + parts[1][2].flat, rtol=1e-12, atol=1e-13)


def test_truncated_to_one_step_a_c_reaches_its_own_step_alone(rng):
    layer = ns.LSTM(D, H, dtype=np.float64, rng=0)
    tape = layer.forward(rng.normal(size=(T, B, D)))[2]
    dc = np.zeros((T, B, H))
    dc[3] = 1
    dx = layer.backward(None, tape, None, ns.Truncated(1), dc=dc)[0]
    assert np.flatnonzero(dx.any(axis=(1, 2))).tolist() == [3]


def torch_lstm(layer, x, dy, dc, limit):
    """A peephole LSTM of torch operations, whose results of products have a hook that clamps: x's gradient and all."""
    torch = pytest.importorskip("torch")
    p = {name: torch.tensor(np.array(value), requires_grad=True) for name, value in layer.params.items()}
    x = torch.tensor(x, requires_grad=True)
    h, c, loss = torch.zeros(B, H, dtype=x.dtype), torch.zeros(B, H, dtype=x.dtype), 0

    def product(gate, t):
        a = x[t] @ p[f"W_x{gate}"] + h @ p[f"W_h{gate}"] + p[f"b_{gate}"]
        a.register_hook(lambda g: g.clamp(-limit, limit))
        return a

    for t in range(T):
        a = {gate: product(gate, t) for gate in "ifog"}
        i, f = torch.sigmoid(a["i"] + p["p_i"] * c), torch.sigmoid(a["f"] + p["p_f"] * c)
        c = f * c + i * torch.tanh(a["g"])
        o = torch.sigmoid(a["o"] + p["p_o"] * c)
        h = o * torch.tanh(c)
        loss = loss + (h * torch.tensor(dy[t])).sum() + (c * torch.tensor(dc[t])).sum()
    loss.backward()
    return x.grad.numpy(), {name: value.grad.numpy() for name, value in p.items()}


@pytest.mark.parametrize("limit", [0.02, 0.3, 100.0])
def test_hooks_of_torch_clamp_the_same(limit, rng):
    layer = ns.LSTM(D, H, peepholes=True, dtype=np.float64, rng=0)
    x, dy, dc = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H)), rng.normal(size=(T, B, H))
    dx, _, grads = layer.backward(dy, layer.forward(x)[2], dc=dc, clip_adjoint=limit)
    wanted_dx, wanted = torch_lstm(layer, x, dy, dc, limit)
    np.testing.assert_allclose(dx, wanted_dx, rtol=1e-12, atol=1e-15)
    for name, value in wanted.items():
        np.testing.assert_allclose(grads[name], value, rtol=1e-12, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("truncation", [None, ns.Truncated(2), ns.RandomTruncation(0.5, rng=1), ns.HDetach(0.5, rng=1)])
def test_no_adjoint_of_a_pre_activation_is_larger_than_the_limit(truncation, rng):
    layer = ns.LSTM(D, H, num_layers=2, bidirectional=True, dtype=np.float64, rng=0)
    tape, dy, _ = drawn(layer, rng.normal(size=(T, B, D)), rng)
    rows = layer.adjoints(dy, tape, truncation=truncation, clip_adjoint=0.05)
    assert max(abs(adjoints.da).max() for row in rows for adjoints in row) == pytest.approx(0.05, rel=1e-14)
    free = layer.backward(dy, tape, None, ns.Truncated(2), clip_adjoint=1e9)
    np.testing.assert_array_equal(free[2].flat, layer.backward(dy, tape, None, ns.Truncated(2))[2].flat)


def test_a_limit_that_nothing_reaches_changes_no_bit(rng):
    for kind, make in WITH_C.items():
        layer = make()
        tape, dy, dcs = drawn(layer, rng.normal(size=(T, B, D)), rng)
        with_limit, without = (layer.backward(dy, tape, dc=dcs, clip_adjoint=limit)[2] for limit in (1e9, None))
        for name, value in without.items():  # but for the sum over steps of a peephole, which is taken in another order
            np.testing.assert_allclose(with_limit[name], value, rtol=1e-13, atol=1e-15, err_msg=f"{kind} {name}")


def test_resets_cut_c_as_they_cut_h(rng):
    layer, x = ns.LSTM(D, H, dtype=np.float64, rng=0), rng.normal(size=(T, B, D))
    resets = np.zeros((T, B), bool)
    resets[3] = True
    dy, dc = rng.normal(size=(T, B, H)), rng.normal(size=(T, B, H))
    options = {"clip_adjoint": 0.1}
    whole = layer.backward(dy, layer.forward(x, resets=resets)[2], dc=dc, **options)
    halves = [layer.backward(dy[s], layer.forward(x[s])[2], dc=dc[s], **options) for s in (slice(0, 3), slice(3, 6))]
    np.testing.assert_allclose(whole[0], np.concatenate([half[0] for half in halves]), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(whole[2].flat, sum(half[2].flat for half in halves), rtol=1e-12, atol=1e-14)


def test_a_pair_of_layers_and_a_reversed_one(rng):
    x = rng.normal(size=(T, B, D))
    forward, backward = ns.GRU(D, H, dtype=np.float64, rng=0), ns.LSTM(D, 2, dtype=np.float64, rng=1)
    pair, alone = ns.Bidirectional(forward, backward), ns.layers.Reversed(backward)
    dy, dc = rng.normal(size=(T, B, H + 2)), rng.normal(size=(T, B, 2))
    dx, _, grads = pair.backward(dy, pair.forward(x, None, LENGTHS)[2], dc=(None, dc), clip_adjoint=0.2)
    dx_f, _, _ = forward.backward(dy[..., :H], forward.forward(x, None, LENGTHS)[2], clip_adjoint=0.2)
    dx_b, _, own = alone.backward(dy[..., H:], alone.forward(x, None, LENGTHS)[2], dc=dc, clip_adjoint=0.2)
    np.testing.assert_array_equal(dx, dx_f + dx_b)
    np.testing.assert_array_equal(grads["backward.W_hf"], own["W_hf"])
    order = np.where(np.arange(T)[:, None] < LENGTHS, LENGTHS - 1 - np.arange(T)[:, None], np.arange(T)[:, None])
    turned = [np.take_along_axis(a, order[..., None], 0) for a in (x, dy[..., H:], dc)]
    _, _, wanted = backward.backward(
        turned[1], backward.forward(turned[0], None, LENGTHS)[2], dc=turned[2], clip_adjoint=0.2
    )
    np.testing.assert_array_equal(own.flat, wanted.flat)


LAYERS = {
    "stack": WITH_C["lstm"],
    "pair": lambda: ns.Bidirectional(ns.GRU(D, H, dtype=np.float64, rng=0), ns.RNN(D, 2, dtype=np.float64, rng=1)),
    "reversed": lambda: ns.layers.Reversed(ns.GRU(D, H, dtype=np.float64, rng=0)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_without_the_input_gradient_all_else_is_the_same(name, rng):
    layer, x = LAYERS[name](), rng.normal(size=(T, B, D))
    y, _, tape = layer.forward(x, None, LENGTHS)
    dx, dstate, grads = layer.backward(y, tape)
    none, same, others = layer.backward(y, tape, input_gradient=False)
    assert none is None
    assert dx.shape == x.shape
    for one, other in zip(leaves(dstate), leaves(same), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(grads.flat, others.flat)


def leaves(state):
    return [leaf for part in state for leaf in leaves(part)] if isinstance(state, tuple) else [state]


def test_without_the_input_gradient_of_segments(rng):
    layer, x = ns.GRU(D, H, dtype=np.float64, rng=0), rng.normal(size=(T, B, D))
    y, _, tape = layer.forward(x, resets=rng.random((T, B)) < 0.3)
    dx, dstate, grads = layer.backward(y, tape)
    none, same, others = layer.backward(y, tape, input_gradient=False)
    assert (none, dx.shape) == (None, x.shape)
    np.testing.assert_array_equal(dstate, same)
    np.testing.assert_array_equal(grads.flat, others.flat)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_checkpointing_clamps_the_same_adjoints(stride, rng):
    layer, x = WITH_C["projected"](), rng.normal(size=(T, B, D))
    tape, dy, dcs = drawn(layer, x, rng)
    options = {"dc": dcs, "clip_adjoint": 0.05}
    schedule = Schedule(stride, 2)
    found = ns.checkpointed(layer, x, dy, None, LENGTHS, schedule=schedule, **options)
    dx, _, grads = layer.backward(dy, tape, **options)
    np.testing.assert_array_equal(found.dx, dx)
    np.testing.assert_allclose(found.grads.flat, grads.flat, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"dc": np.zeros((T, B, H))}, ValueError, r"dc must have shape \(6, 3, 6\), got \(6, 3, 3\)"),
        ({"dc": [np.zeros((T, B, 2 * H))]}, ValueError, "dc must be the last layer's, or a list of one a layer, 2 in"),
        ({"dc": [None, np.zeros((T, B, H))]}, ValueError, r"dc\[1\] must have shape"),
        ({"dc": 3}, TypeError, "dc must be a NumPy or CuPy array of numbers"),
        ({"input_gradient": "no"}, TypeError, "input_gradient must be True or False"),
        ({"clip_adjoint": 0.0}, ValueError, "clip_adjoint must be positive, the largest size of an adjoint, got 0.0"),
        ({"clip_adjoint": "1"}, TypeError, "clip_adjoint must be a number, got '1'"),
        ({"clip_adjoint": np.nan}, ValueError, "clip_adjoint must be positive"),
    ],
)
def test_what_fits_no_layer_is_refused(options, error, text, rng):
    layer = WITH_C["lstm"]()
    tape, dy, _ = drawn(layer, rng.normal(size=(T, B, D)), rng)
    with pytest.raises(error, match=text):
        layer.backward(dy, tape, **options)


def test_a_cell_without_c_has_no_dc(rng):
    layer = ns.GRU(D, H, dtype=np.float64, rng=0)
    tape = layer.forward(rng.normal(size=(T, B, D)))[2]
    with pytest.raises(ValueError, match="dc needs a cell whose state has more than h, such as an LSTM, got GRU"):
        layer.backward(None, tape, dc=np.zeros((T, B, H)))
    pair = ns.Bidirectional(layer, layer)
    with pytest.raises(TypeError, match=r"dc of Bidirectional must be a pair \(forward layer's, backward layer's\)"):
        pair.backward(None, pair.forward(np.zeros((T, B, D)))[2], dc=np.zeros((T, B, H)))


def test_the_derivative_of_a_clamped_gradient_by_a_complex_step(rng):
    """A Hessian-vector product through the clamp: what is beyond the limit has no derivative."""
    layer = ns.LSTM(D, H, peepholes=True, dtype=np.float64, rng=0)
    x, dy, v = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H)), rng.normal(size=layer.params.flat.size)

    def gradient(flat):
        copy = layer.astype(flat.dtype).bind(flat)
        return copy.backward(dy.astype(flat.dtype), copy.forward(x.astype(flat.dtype))[2], clip_adjoint=0.1)[2].flat

    exact = gradient(layer.params.flat + 1e-30j * v).imag / 1e-30
    near = (gradient(layer.params.flat + 1e-6 * v) - gradient(layer.params.flat - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(exact, near, rtol=0, atol=1e-8 * abs(near).max())
