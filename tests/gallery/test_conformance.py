"""Every cell of the gallery in everything that npseq does with a layer, and no cell of it left out."""

import pickle
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from gallery.conformance import B, D, H, T, layer_of, parts, state_of

import npseq as ns

CELLS = {name: getattr(ns.gallery, name)() for name in ns.gallery.__all__}
CELLS["LayerNormLSTMCell"] = ns.gallery.LayerNormLSTMCell(0.01)  # two or three units have little variance
every_cell = pytest.mark.parametrize("name", CELLS)
ROOT = Path(ns.gallery.__file__).parent


def given(layer, steps=T, batch=B, seed=1):
    rng = np.random.default_rng(seed)
    x, state = rng.normal(size=(steps, batch, D)), state_of(layer, rng, batch)
    return x, state, rng.normal(size=(steps, batch, layer.output_size)), state_of(layer, rng, batch)


@every_cell
def test_every_entry_is_its_complex_step_in_a_stack_of_both_directions(name):
    """Judged by losses at single steps, each on its own scale."""
    units, layers = (H, 1) if name == "LayerNormLSTMCell" else (2, 2)  # two units that are normalised are near +-1
    layer = ns.Recurrent(CELLS[name], 1, units, num_layers=layers, bidirectional=True, dtype=np.float64, rng=0)
    layer.params.flat[:] *= 1.5
    state = state_of(layer, np.random.default_rng(1))
    report = ns.gradcheck_layer(layer, np.random.default_rng(0).normal(size=(T, B, 1)), state, np.array([3, 0, 5]))
    assert report.passed, report
    assert report.max_error < 1e-12


@every_cell
def test_every_entry_is_its_complex_step_in_three_layers_with_resets(name):
    """Both directions, unequal lengths, given states; the oracle is the layer's forward pass, at complex numbers."""
    layer = ns.Recurrent(CELLS[name], 1, 2, num_layers=3, bidirectional=True, dtype=np.float64, rng=0)
    layer.params.flat[:] *= 1.5
    rng, lengths, resets = np.random.default_rng(1), np.array([3, 4]), np.array([[0, 0], [1, 0], [0, 1], [0, 0]]) > 0
    x, state = rng.normal(size=(4, 2, 1)), state_of(layer, rng, 2)
    y, _, tape = layer.forward(x, state, lengths, resets=resets)
    dy, dlast = rng.normal(size=y.shape), state_of(layer, rng, 2)
    dx, dstate, grads = layer.backward(dy, tape, dlast)
    complex_layer = layer.astype(np.complex128)

    def losses(*parts_of_state, x):
        """(B,): of each sequence; the layer's parameters are those of complex_layer."""
        first = parts_of_state if layer.c_size else parts_of_state[0]
        y, last, _ = complex_layer.forward(x, first, lengths, resets=resets)
        own = [(a * b).sum(axis=(0, 2)) for a, b in zip(parts(last), parts(dlast), strict=True)]
        return (y * dy).sum(axis=(0, 2)) + sum(own)

    at = {"x": x.astype(complex), **{f"{k}": part.astype(complex) for k, part in enumerate(parts(state))}}
    found = {"x": dx, **{f"{k}": part for k, part in enumerate(parts(dstate))}}
    assert_complex_step(complex_layer.params.flat, grads.flat, lambda: losses(*list(at.values())[1:], x=at["x"]).sum())
    for key, value in at.items():  # sequences know nothing of each other: an entry of all of them at a time
        assert_complex_step(value, found[key], lambda: losses(*list(at.values())[1:], x=at["x"]), batch=True)


def assert_complex_step(at, gradient, loss, batch=False):
    """Each entry of the gradient, to 1e-12 of the largest; at is moved in place. batch: an axis 1 that stays apart."""
    scale = abs(gradient).max()
    rows = np.ndindex(at.shape[:1] + at.shape[2:]) if batch else np.ndindex(at.shape)
    for row in rows:
        index = (row[0], slice(None), *row[1:]) if batch else row
        before = at[index].copy()
        at[index] += 1e-30j
        expected = loss().imag / 1e-30
        at[index] = before
        assert np.abs(gradient[index] - expected).max() <= 1e-12 * scale, (index, gradient[index], expected)


@pytest.mark.parametrize(("steps", "batch", "ids"), [(4, 1, 0), (9, 9, 0), (4, 2, 130), (4, 1, 5)])
@every_cell
def test_every_way_to_multiply(name, steps, batch, ids):
    """One sequence, weights transposed for many, ids looked up among many and among few."""
    inputs = ids or D
    layer = ns.Recurrent(CELLS[name], inputs, H, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    x = rng.integers(0, ids, (steps, batch)) if ids else rng.normal(size=(steps, batch, D))
    method = "directional" if ids == 130 else "complex"
    lengths, state = np.arange(steps - batch, steps) % steps + 1, state_of(layer, rng, batch)
    report = ns.gradcheck_layer(layer, x, state, lengths, method=method)
    assert report.passed, report


@every_cell
def test_a_state_that_no_step_has_changed_is_no_gradient(name):
    """From zeros, with sequences of no step, and reverse strands whose padding comes first."""
    layer = layer_of(CELLS[name])
    rng, lengths = np.random.default_rng(1), np.array([3, 0, 5])
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, layer.output_size))
    dx, _, grads = layer.backward(dy, layer.forward(x, lengths=lengths)[2])
    alone = [layer.backward(dy[:n, b : b + 1], layer.forward(x[:n, b : b + 1])[2]) for b, n in enumerate(lengths) if n]
    expected = sum(one[2].flat for one in alone)
    np.testing.assert_allclose(grads.flat, expected, rtol=0, atol=1e-12 * abs(expected).max())
    np.testing.assert_allclose(dx[:, 2:], alone[-1][0], rtol=0, atol=1e-12 * abs(dx).max())


@every_cell
def test_truncated_gradients_are_those_of_frozen_states(name):
    layer = layer_of(CELLS[name], num_layers=2, bidirectional=False)
    x, state, _, _ = given(layer)
    assert ns.gradcheck_layer(layer, x, state, np.array([3, 1, 5]), truncation=ns.Truncated(2))


@every_cell
def test_a_ledger_adds_up_to_the_gradient(name):
    layer = layer_of(CELLS[name], num_layers=2)
    x, state, dy, dstate = given(layer)
    tape = layer.forward(x, state, np.array([3, 2, 5]))[2]
    grads = layer.backward(dy, tape, dstate)[2]
    book = ns.inspect.ledger(layer, dy, tape, dstate)
    for table in (book.per_step, book.per_lag, book.per_example):
        for key, value in grads.items():
            np.testing.assert_allclose(table[key].sum(axis=0), value, rtol=0, atol=1e-12 * abs(value).max())
    assert set(CELLS[name].state) <= set(book.states)
    assert ns.inspect.first_nonfinite(layer, x, dy=dy) is None


@every_cell
def test_real_time_recurrent_learning_is_backpropagation(name):
    layer = layer_of(CELLS[name], num_layers=2, bidirectional=False)
    x, state, dy, dstate = given(layer)
    lengths = np.array([3, 1, 5])
    grads = layer.backward(dy, layer.forward(x, state, lengths)[2], dstate)[2]
    for found in (ns.rtrl(layer, x, dy, state, lengths, dstate), ns.snap(layer, x, dy, state, lengths, dstate, n=9)):
        np.testing.assert_allclose(found.grads.flat, grads.flat, rtol=0, atol=1e-12 * abs(grads.flat).max())


@every_cell
def test_checkpointing_is_backward(name):
    layer = layer_of(CELLS[name], num_layers=2, bidirectional=False)
    x, state, dy, dstate = given(layer, steps=11)
    dx, dfirst, grads = layer.backward(dy, layer.forward(x, state)[2], dstate)
    found = ns.checkpointed(layer, x, dy, state, dstate=dstate, max_bytes=20_000)
    np.testing.assert_array_equal(found.dx, dx)
    for ours, theirs in zip(parts(found.dstate), parts(dfirst), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(found.grads.flat, grads.flat, rtol=0, atol=1e-13 * abs(grads.flat).max())


@every_cell
def test_hessian_vector_products_are_the_gradients_difference(name):
    """A complex step of the gradient itself, beside a central difference of it; both ways round they agree."""
    layer = layer_of(CELLS[name], num_layers=2, bidirectional=False)
    x, state, dy, _ = given(layer)

    def gradient(at):
        copy = layer.bind(at["flat"])
        dtype = at["flat"].dtype
        first = tuple(part.astype(dtype) for part in state) if isinstance(state, tuple) else state.astype(dtype)
        y, _, tape = copy.forward(x.astype(dtype), first)
        return {"flat": copy.backward(dy * y, tape)[2].flat}

    rng, flat = np.random.default_rng(2), layer.params.flat
    v, w = rng.normal(size=(2, flat.size))
    Hv, Hw = (ns.inspect.hvp(gradient, {"flat": flat}, {"flat": one})["flat"] for one in (v, w))
    assert Hv @ w == pytest.approx(Hw @ v, rel=1e-10)
    step = 1e-5
    above, below = (gradient({"flat": flat + sign * step * v})["flat"] for sign in (1, -1))
    np.testing.assert_allclose(Hv, (above - below) / (2 * step), rtol=0, atol=1e-6 * abs(Hv).max())


@every_cell
def test_generation_step_by_step_is_the_whole_sequence_at_once(name):
    model = ns.LanguageModel(5, CELLS[name], H, num_layers=2, dtype=np.float64, rng=0)
    model.params.flat[:] *= 2
    ids = model.generate([1, 2], 8)
    logits = model.logits(ids[:-1, None])[0][:, 0]
    np.testing.assert_array_equal(logits.argmax(axis=1)[1:], ids[2:])


@every_cell
def test_a_layer_goes_to_float32_and_through_pickle(name):
    layer = layer_of(CELLS[name])
    x, state, _, _ = given(layer)
    single, again = layer.astype(np.float32), pickle.loads(pickle.dumps(layer))
    np.testing.assert_array_equal(again.forward(x, state)[0], layer.forward(x, state)[0])
    first = tuple(part.astype(np.float32) for part in parts(state))
    y = single.forward(x.astype(np.float32), first if layer.c_size else first[0])[0]
    np.testing.assert_allclose(y, layer.forward(x, state)[0], rtol=0, atol=1e-5 * abs(y).max())


@every_cell
def test_a_trained_layer_keeps_learning(name):
    """One constant target: what the last layer reads is enough for it."""
    model = ns.models.Classifier(ns.Recurrent(CELLS[name], D, 8, rng=0), 2, rng=0)
    x, labels = np.random.default_rng(0).normal(size=(6, 20, D)).astype(np.float32), np.arange(20) % 2
    x[0, :, 0] += 2 * labels
    optimizer = ns.Adam(0.02)
    losses = [float(model.step(x, labels, optimizer=optimizer, clip=1)[0]) for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.8 * losses[0]


def test_every_file_of_the_gallery_is_here_and_short():
    files = {path.stem for path in ROOT.glob("[a-z]*.py")}
    modules = {type(cell).__module__.rpartition(".")[2] for cell in CELLS.values()}
    assert files == modules
    for stem in files:
        assert import_module(f"npseq.gallery.{stem}").__doc__.count("(C1)") == 1
        code = (ROOT / f"{stem}.py").read_text("utf-8").partition('"""\n\n')[2]
        body = [line for line in code.partition('    """\n\n')[2].splitlines() if line.strip()]
        assert len(body) <= 40, stem
