"""npseq.interop.torch, and through it every output and every gradient against torch.nn, in both dtypes."""

import subprocess
import sys

import numpy as np
import pytest
from foreign_arrays import follow

from npseq.interop.torch import export, load
from npseq.layers import GRU, LSTM, RNN, Dropout, Embedding, Linear
from npseq.layers.strands import LOOK_UP_ABOVE

T, B, D, H = 4, 3, 3, 5
LENGTHS = np.array([2, 4, 1])
CELLS = {
    "tanh": (RNN, {"nonlinearity": "tanh"}),
    "relu": (RNN, {"nonlinearity": "relu"}),
    "gru": (GRU, {}),
    "lstm": (LSTM, {}),
    "projection": (LSTM, {"proj_size": 2}),
}
every_cell = pytest.mark.parametrize("cell", CELLS)
# in float32 PyTorch says that it takes another kernel for these
torch_warns = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def pair(torch, cell, size=D, dtype="float64", **options):
    """A layer and torch's module with the same weights, drawn by the module with torch's global seed at 0."""
    make, own = CELLS[cell]
    torch.manual_seed(0)
    module = getattr(torch.nn, make.__name__)(size, H, dtype=getattr(torch, dtype), **own, **options)
    layer = make(size, H, dtype=dtype, **own, **options)
    load(layer, module.state_dict())
    return layer, module


def states(layer, rng):
    """(h,) or (h, c)."""
    rows = layer.num_layers * layer.directions
    sizes = [layer.state_size, layer.hidden_size] if isinstance(layer, LSTM) else [layer.state_size]
    return tuple(rng.normal(size=(rows, B, size)).astype(layer.dtype) for size in sizes)


def bare(parts):
    return parts if len(parts) == 2 else parts[0]


def parts_of(state):
    return state if isinstance(state, tuple) else (state,)


def run_torch(torch, module, x, state, lengths, dy, dstate):
    """y, (h, ...), dx, (dh, ...) and parameter gradients, by autograd; packed sequences where there are lengths."""
    rnn = torch.nn.utils.rnn
    x, *state = (torch.tensor(a, requires_grad=True) for a in (x, *state))
    given = x if lengths is None else rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    y, last = module(given, bare(state))
    if lengths is not None:
        y, _ = rnn.pad_packed_sequence(y, total_length=T)
    last = parts_of(last)
    total = (y * torch.tensor(dy)).sum() + sum((s * torch.tensor(d)).sum() for s, d in zip(last, dstate, strict=True))
    total.backward()
    grads = {name: p.grad.numpy() for name, p in module.named_parameters()}
    values, derivatives = [s.detach().numpy() for s in last], [s.grad.numpy() for s in state]
    return y.detach().numpy(), values, x.grad.numpy(), derivatives, grads


def assert_same(found, expected):
    """To 1e-12 of the tensor's scale, 1e-6 in float32."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.abs(found - expected).max() <= {8: 1e-12, 4: 1e-6}[found.itemsize] * np.abs(expected).max()


def compare(torch, layer, module, x, lengths, dense_x=None):
    """Everything of one forward and backward; dense_x is what torch reads where x is ids."""
    rng = np.random.default_rng(1)
    state, dstate = states(layer, rng), states(layer, rng)
    dy = rng.normal(size=(T, B, layer.output_size)).astype(layer.dtype)
    y, last, tape = layer.forward(x, bare(state), lengths)
    dx, dfirst, grads = layer.backward(dy, tape, bare(dstate))
    want = run_torch(torch, module, x if dense_x is None else dense_x, state, lengths, dy, dstate)
    assert_same(y, want[0])
    for found, expected in zip((*parts_of(last), *parts_of(dfirst)), (*want[1], *want[3]), strict=True):
        assert_same(found, expected)
    if dense_x is None:
        assert_same(dx, want[2])
    else:
        assert dx is None
    exported = export(layer, grads)
    assert list(exported) == list(want[4])
    for name, expected in want[4].items():
        assert_same(exported[name], expected)


@torch_warns
@every_cell
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "packed"])
@pytest.mark.parametrize(
    ("layers", "bidirectional", "bias"),
    [
        (1, False, True),
        (1, True, True),
        (2, False, False),
        (2, True, True),
        (3, False, True),
        (3, True, False),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_same_as_torch(torch, cell, lengths, layers, bidirectional, bias, dtype):
    layer, module = pair(torch, cell, dtype=dtype, num_layers=layers, bidirectional=bidirectional, bias=bias)
    compare(torch, layer, module, np.random.default_rng(0).normal(size=(T, B, D)).astype(dtype), lengths)


@torch_warns
@every_cell
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("layers", "bidirectional", "bias"), [(1, False, True), (3, True, True), (2, True, False)])
def test_there_and_back_through_torchs_module_is_identical(torch, cell, dtype, layers, bidirectional, bias):
    make, own = CELLS[cell]
    options = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
    there, back = (make(D, H, dtype=dtype, rng=seed, **own, **options) for seed in (0, 1))
    module = getattr(torch.nn, make.__name__)(D, H, dtype=getattr(torch, dtype), **own, **options)
    module.load_state_dict({name: torch.tensor(array) for name, array in export(there).items()})
    compare(torch, there, module, np.random.default_rng(0).normal(size=(T, B, D)).astype(dtype), None)
    load(back, module.state_dict())
    assert back.params.flat.tobytes() == there.params.flat.tobytes()


@every_cell
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "packed"])
@pytest.mark.parametrize("size", [6, LOOK_UP_ABOVE + 2], ids=["multiplied", "looked up"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [True, False])
def test_ids_same_as_torch_one_hot(torch, cell, lengths, size, bidirectional, bias):
    layer, module = pair(torch, cell, size, num_layers=2, bidirectional=bidirectional, bias=bias)
    ids = np.random.default_rng(0).integers(size, size=(T, B))
    ids[1] = ids[0]  # a repeated id adds up
    compare(torch, layer, module, ids, lengths, np.eye(size)[ids])


def layers_of(cell):
    make, own = CELLS[cell]
    return [make(D, H, num_layers=2, bidirectional=True, rng=seed, **own) for seed in (0, 1)]


@every_cell
def test_round_trip_is_identical(cell):
    first, second = layers_of(cell)
    load(second, export(first))
    np.testing.assert_array_equal(second.params.flat, first.params.flat)
    for name, array in export(second).items():
        np.testing.assert_array_equal(array, export(first)[name])
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert not np.shares_memory(array, second.params.flat)


def test_biases_add_up_and_leave_once():
    layer = LSTM(D, H, rng=0)
    given = export(layer)
    given["bias_ih_l0"] = np.arange(4 * H, dtype=np.float32)
    given["bias_hh_l0"] = np.full(4 * H, 100, np.float32)
    load(layer, given)
    for k, gate in enumerate("ifgo"):
        np.testing.assert_array_equal(layer.params[f"b_{gate}"], 100 + np.arange(k * H, (k + 1) * H))
    np.testing.assert_array_equal(export(layer)["bias_ih_l0"], 100 + np.arange(4 * H))
    np.testing.assert_array_equal(export(layer)["bias_hh_l0"], 0)
    for name, array in export(layer, layer.params).items():
        np.testing.assert_array_equal(array, export(layer)[name])


def test_derivatives_stand_in_both_biases_but_for_the_candidate():
    layer = GRU(D, H, rng=0)
    grads = {name: np.random.default_rng(k).normal(size=a.shape) for k, (name, a) in enumerate(layer.params.items())}
    out = export(layer, grads)
    np.testing.assert_array_equal(out["bias_ih_l0"], np.concatenate([grads["b_r"], grads["b_z"], grads["b_n"]]))
    np.testing.assert_array_equal(out["bias_hh_l0"], np.concatenate([grads["b_r"], grads["b_z"], grads["b_hn"]]))
    assert out["weight_ih_l0"].dtype == np.float64


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_has_the_same_weights(torch, bias):
    layer, module = Linear(D, H, bias=bias, rng=0), torch.nn.Linear(D, H, bias=bias)
    load(layer, dict(module.named_parameters()))
    x = np.random.default_rng(0).normal(size=(B, D)).astype(np.float32)
    np.testing.assert_allclose(layer.forward(x)[0], module(torch.tensor(x)).detach().numpy(), rtol=0, atol=1e-6)
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    assert {name: array.shape for name, array in export(layer).items()} == shapes


def test_an_embedding_has_the_same_weights(torch):
    layer, module = Embedding(4, D, rng=0), torch.nn.Embedding(4, D)
    load(layer, module.state_dict())
    np.testing.assert_array_equal(export(layer)["weight"], module.weight.detach().numpy())
    np.testing.assert_array_equal(layer.params["W"], module.weight.detach().numpy())


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (GRU(D, H, reset="before"), ValueError, "PyTorch's GRU has its reset gate after .*use GRU.*reset='after'"),
        (LSTM(D, H, peepholes=True), ValueError, "PyTorch's LSTM has no peepholes.*use LSTM.*peepholes=False"),
        (Dropout(0.5), TypeError, "layer must be an RNN, GRU, LSTM, Linear or Embedding, got Dropout"),
    ],
)
def test_a_layer_that_torch_does_not_have_is_refused(layer, error, message):
    with pytest.raises(error, match=message):
        export(layer)
    with pytest.raises(error, match=message):
        load(layer, {})


@pytest.mark.parametrize(("cell", "of"), [("tanh", "RNNCell"), ("gru", "GRUCell"), ("lstm", "LSTMCell")])
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_is_a_layer_of_one_step(torch, cell, of, bias):
    make, own = CELLS[cell]
    torch.manual_seed(0)
    module = getattr(torch.nn, of)(D, H, bias=bias, dtype=torch.float64)
    layer = make(D, H, bias=bias, dtype=np.float64, **own)
    load(layer, module.state_dict())
    x, rng = np.random.default_rng(0).normal(size=(1, B, D)), np.random.default_rng(1)
    state = tuple(part[0] for part in states(layer, rng))
    expected = parts_of(module(torch.tensor(x[0]), bare(tuple(map(torch.tensor, state)))))
    _, last, _ = layer.forward(x, bare(tuple(part[None] for part in state)))
    for found, wanted in zip(parts_of(last), expected, strict=True):
        assert_same(found[0], wanted.detach().numpy())
    with pytest.raises(
        ValueError, match=r"missing: weight_ih_l1, .*num_layers, bidirectional, bias and proj_size must"
    ):
        load(make(D, H, num_layers=2, bias=bias, dtype=np.float64, **own), module.state_dict())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn"])
@pytest.mark.parametrize("layer", [LSTM(D, H, rng=0), Linear(D, H, rng=0)], ids=repr)
def test_half_precision_is_loaded_exactly(torch, dtype, layer):
    given = {name: torch.tensor(array).to(getattr(torch, dtype)) for name, array in export(layer).items()}
    load(layer, given)
    for name, array in export(layer).items():
        np.testing.assert_array_equal(array, given[name].double().numpy())


def test_a_half_type_of_ml_dtypes_is_loaded_exactly():
    halves = pytest.importorskip("ml_dtypes")
    layer = Linear(D, H, rng=0)
    given = {name: array.astype(halves.bfloat16) for name, array in export(layer).items()}
    load(layer, given)
    for name, array in export(layer).items():
        np.testing.assert_array_equal(array, given[name].astype(float))


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("change", ["sparse", "quantized"])
def test_what_numpy_cannot_hold_is_refused_by_its_name_with_a_remedy_that_works(torch, change):
    layer = Linear(D, H, rng=0)
    tensor = torch.tensor(export(Linear(D, H, rng=1))["weight"])
    odd = tensor.to_sparse() if change == "sparse" else torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)
    given = export(layer) | {"weight": odd}
    with pytest.raises(
        TypeError, match=r"state_dict\['weight'\] must be a NumPy .*, got torch.Tensor; pass "
    ) as raised:
        load(layer, given)
    load(layer, given | {"weight": follow(str(raised.value), odd)})
    np.testing.assert_allclose(export(layer)["weight"], tensor.numpy(), atol=0.051)


def test_a_masked_array_is_refused(torch):
    layer = Linear(D, H, rng=0)
    with pytest.raises(TypeError, match=r"state_dict\['bias'\] must be .* got numpy.MaskedArray; pass .*filled"):
        load(layer, export(layer) | {"bias": np.ma.masked_array(np.zeros(H, np.float32))})


def without(name):
    return lambda given: {key: value for key, value in given.items() if key != name}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (without("bias_hh_l0"), ValueError, "missing: bias_hh_l0; not the layer's: none"),
        (
            lambda d: d | {"weight_hr_l0": np.zeros((2, H))},
            ValueError,
            "missing: none; not the layer's: weight_hr_l0; .*proj_size",
        ),
        (
            lambda d: {f"rnn.{name}": a for name, a in d.items()},
            ValueError,
            "missing: weight_ih_l0, .*rnn.weight_ih_l0, .*prefix",
        ),
        (
            lambda d: d | {"weight_ih_l0": np.zeros((D, 4 * H), np.float32)},
            ValueError,
            r"state_dict\['weight_ih_l0'\] must have shape \(20, 3\) for this layer, got \(3, 20\)",
        ),
        (
            lambda d: d | {"bias_hh_l0": np.zeros(4 * H)},
            TypeError,
            r"state_dict\['bias_hh_l0'\] is float64 but the layer is float32; use the state_dict cast to fl",
        ),
    ],
)
def test_wrong_state_dicts_are_refused_before_anything_is_written(change, error, message):
    layer = LSTM(D, H, rng=0)
    before = layer.params.flat.copy()
    with pytest.raises(error, match=message):
        load(layer, change(export(LSTM(D, H, rng=1))))
    np.testing.assert_array_equal(layer.params.flat, before)


def test_export_refuses_values_not_named_as_params():
    layer = RNN(D, H)
    with pytest.raises(ValueError, match=r"values must have exactly the names .*'W_xh' must be \(3, 5\), got none"):
        export(layer, {})
    with pytest.raises(ValueError, match=r"'W_xh' must be \(3, 5\), got \(2, 2\)"):
        export(layer, {name: np.zeros((2, 2)) for name in layer.params})


def test_torch_is_not_imported():
    command = "import sys, npseq.interop.torch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
