"""A cell of one's own in every model: by its object, or by the layer that is handed in."""

import numpy as np
import pytest

import npseq as ns
from npseq.models.cells import LAYERS, check_cell_options, draw_own, layer_of


class Leaky(ns.Cell):
    """h' = h + rate (tanh(u) - h), and a count of the steps beside it."""

    rate: float = 0.5
    gates, state = ("u",), ("h", "n")

    def forward(self, a, old, new, p, project):
        np.tanh(a[0], out=a[0])
        new[0][...] = old[0] + self.rate * (a[0] - old[0])
        new[1][...] = old[1] + 1

    def backward(self, dnew, a, s, da, p, project):
        da[0] = dnew[0] * self.rate * (1 - a[0] ** 2)
        return dnew[0] * (1 - self.rate), dnew[1]

    def initial(self, name, shape, rng):
        return np.full(shape, 0.25) if name == "b_u" else None


IDS = np.array([[1, 2], [3, 4], [0, 1], [2, 3]])


def check_gradient(loss, params, grads):
    """A central difference along one direction."""
    direction = np.random.default_rng(3).normal(size=params.flat.shape)
    step = 1e-6
    params.flat += step * direction
    above = loss()
    params.flat -= 2 * step * direction
    below = loss()
    params.flat += step * direction
    np.testing.assert_allclose((above - below) / (2 * step), grads.flat @ direction, rtol=1e-6)


def layers():
    return [Leaky(0.25), ns.Recurrent(Leaky(0.25), 5, 4, num_layers=2, dtype=np.float64, rng=1)]


@pytest.mark.parametrize("k", [0, 1], ids=["a cell", "a layer"])
def test_a_language_model(k):
    options = {"hidden_size": 4, "dtype": np.float64} if k == 0 else {}
    model = ns.LanguageModel(5, layers()[k], rng=0, **options)
    grads = model.loss(IDS, IDS)[1]
    check_gradient(lambda: model.loss(IDS, IDS)[0], model.params, grads)
    loss, _, state = model.step(IDS, IDS, None, ns.SGD(0.5), clip=1)
    assert model.loss(IDS, IDS)[0] < loss
    np.testing.assert_array_equal(state[1], 4)
    # one step at a time, with nothing saved, against the whole sequence at once
    ids = model.generate([1, 2], 6)
    logits = model.logits(ids[:-1, None])[0][:, 0]
    np.testing.assert_array_equal(logits.argmax(axis=1)[1:], ids[2:])


def test_an_embedding_stands_before_a_layer_that_reads_its_features():
    model = ns.LanguageModel(9, ns.Recurrent(Leaky(), 3, 4), embedding_size=3, rng=0)
    assert model.logits(IDS)[0].shape == (4, 2, 9)
    with pytest.raises(ValueError, match="cell must read the model's 9 inputs, got a layer that reads 3"):
        ns.LanguageModel(9, ns.Recurrent(Leaky(), 3, 4))


@pytest.mark.parametrize("name", ["hidden_size", "num_layers", "bidirectional", "dropout", "dtype"])
def test_a_layer_has_decided_its_own_options(name):
    value = {"hidden_size": 8, "num_layers": 2, "bidirectional": True, "dropout": 0.5, "dtype": np.float64}[name]
    with pytest.raises(ValueError, match=f"{name} belongs to the layer that is given"):
        ns.LanguageModel(5, ns.Recurrent(Leaky(), 5, 4), **{name: value})


def test_options_of_other_cells_are_refused():
    with pytest.raises(ValueError, match="reset belongs to cell gru, got reset 'before' with cell Leaky"):
        ns.LanguageModel(5, Leaky(), reset="before")
    with pytest.raises(ValueError, match="cell must be"):
        ns.LanguageModel(5, "leaky")
    assert check_cell_options("gru", {"reset": "before"}, ns.LanguageModel) == {"reset": "before"}


def test_a_model_of_a_cell_that_was_handed_in_is_saved_by_its_parameters(tmp_path):
    model = ns.LanguageModel(5, Leaky(), 4, rng=0)
    with pytest.raises(ValueError, match="save_params, and load_params into a model"):
        model.save(tmp_path / "model.safetensors")
    model.save_params(tmp_path / "params.safetensors")
    other = ns.LanguageModel(5, Leaky(), 4, rng=1)
    other.load_params(tmp_path / "params.safetensors")
    np.testing.assert_array_equal(other.params.flat, model.params.flat)


@pytest.mark.parametrize("make", [ns.models.Tagger, ns.models.Classifier])
def test_taggers_and_classifiers(make):
    layer = ns.Recurrent(Leaky(0.25), 5, 4, bidirectional=True, dtype=np.float64, rng=1)
    model = make(layer, 3, rng=0)
    targets = IDS % 3 if make is ns.models.Tagger else np.array([0, 2])
    grads = model.loss(IDS, targets, np.array([4, 2]))[1]
    check_gradient(lambda: model.loss(IDS, targets, np.array([4, 2]))[0], model.params, grads)


def test_sequence_to_sequence_by_a_cell_and_by_layers():
    model = ns.models.Seq2Seq(9, 9, Leaky(0.25), 3, 4, dtype=np.float64, rng=0)
    batch = IDS, IDS, np.array([4, 2]), np.array([3, 4])
    check_gradient(lambda: model.loss(*batch)[0], model.params, model.loss(*batch)[1])
    assert len(model.greedy(IDS, max_steps=3)) == 2
    layered = ns.models.Seq2Seq(9, 9, ns.Recurrent(Leaky(0.25), 3, 4, num_layers=2, dtype=np.float64, rng=0), 3)
    layered.params.flat = model.params.flat
    assert layered.loss(*batch)[0] == model.loss(*batch)[0]
    with pytest.raises(
        TypeError, match=r"cell must be a cell or a layer of one, got .*; hand two layers to EncoderDec"
    ):
        ns.models.Seq2Seq(9, 9, ns.Bidirectional(ns.GRU(3, 4), ns.GRU(3, 4)), 3)
    first, second = ns.Recurrent(Leaky(), 3, 4, rng=0), ns.Recurrent(Leaky(), 7, 4, rng=1)
    encoder = ns.models.Encoder(ns.Embedding(9, 3, rng=0), first)
    decoder = ns.models.Decoder(ns.Embedding(9, 3, rng=1), second, ns.Linear(4, 9, rng=2))
    joined = ns.models.EncoderDecoder(encoder, decoder)
    assert joined.forward(IDS, IDS)[0].shape == (4, 2, 9)


@pytest.mark.parametrize("k", [0, 1])
def test_forecasters(k):
    cell = [Leaky(0.25), ns.Recurrent(Leaky(0.25), 2, 4, dtype=np.float64, rng=1)][k]
    options = {"hidden_size": 4, "dtype": np.float64} if k == 0 else {}
    model = ns.models.LatentForecaster(2, cell, rng=0, **options)
    x = np.random.default_rng(0).normal(size=(6, 3, 2))
    check_gradient(lambda: model.loss(x)[0], model.params, model.loss(x)[1])
    assert model.forecast(x, 2).shape == (2, 3, 2)
    with pytest.raises(ValueError, match="hidden_size belongs to the layer that is given"):
        ns.models.LatentForecaster(2, ns.Recurrent(Leaky(), 2, 4), hidden_size=5)
    with pytest.raises(ValueError, match="recurrent must read forward only"):
        ns.models.LatentForecaster(2, ns.Recurrent(Leaky(), 2, 4, bidirectional=True))


def test_a_cells_own_initial_values_stay_where_the_rest_is_drawn_anew():
    model = ns.LanguageModel(5, Leaky(), 4, initializer="normal", rng=0)
    np.testing.assert_array_equal(model.recurrent.params["b_u"], 0.25)
    assert 0 < abs(model.recurrent.params["W_hu"]).max() < 0.05
    layer = layer_of(Leaky(), 2, 3, 1)
    layer.params.flat[:] = 0
    draw_own(ns.Bidirectional(ns.GRU(2, 3), layer), np.random.default_rng(0))
    draw_own(layer, np.random.default_rng(0))
    np.testing.assert_array_equal(layer.params["b_u"], 0.25)
    np.testing.assert_array_equal(layer.params["W_xu"], 0)
    assert set(LAYERS) == {"rnn", "gru", "lstm"}


def test_a_converter_refuses_a_cell_that_the_other_library_has_not(tmp_path):
    layer = ns.Recurrent(Leaky(), 2, 3)
    with pytest.raises(ValueError, match="PyTorch has no Leaky; give an RNN, a GRU or an LSTM"):
        ns.interop.torch.export(layer)
    with pytest.raises(ValueError, match="Keras has no Leaky"):
        ns.interop.keras.export(layer)
    pytest.importorskip("onnx")
    with pytest.raises(ValueError, match="ONNX has no Leaky"):
        ns.interop.onnx.export(layer, tmp_path / "model.onnx")


def test_the_first_value_that_is_not_finite_is_found_in_a_cell_of_ones_own():
    layer = ns.Recurrent(Leaky(), 2, 3, rng=0)
    x = np.ones((4, 1, 2), np.float32)
    assert ns.inspect.first_nonfinite(layer, x, dy=np.ones((4, 1, 3), np.float32)) is None
    layer.params["b_u"] = np.full(3, np.nan)
    assert "b_u" in str(ns.inspect.first_nonfinite(layer, x))
