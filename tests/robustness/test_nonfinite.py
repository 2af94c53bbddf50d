"""Every place at which a nan or an infinity can arise is named: what, layer, direction, gate, step, example."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.inspect import first_nonfinite
from npseq.training import Epoch, NonFiniteLoss, TrainingConfig, train
from npseq.training.loop import train_epoch

T, B, D, H = 6, 3, 4, 5
LAYERS = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}
every_cell = pytest.mark.parametrize("cell", LAYERS)


def layer_of(cell, **options):
    return LAYERS[cell](D, H, dtype=np.float64, rng=0, **options)


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


@every_cell
def test_a_finite_pass_has_none(cell):
    layer, x = layer_of(cell, num_layers=2, bidirectional=True), numbers(T, B, D)
    assert first_nonfinite(layer, x) is None
    assert first_nonfinite(layer, x, dy=numbers(T, B, 2 * H)) is None
    model = ns.LanguageModel(D, cell, H, rng=0)
    ids = np.random.default_rng(0).integers(0, D, (T, B))
    assert first_nonfinite(model, ids, ids, optimizer=ns.Adam(), clip=1.0) is None


@every_cell
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_in_the_input(cell, value):
    layer, x = layer_of(cell), numbers(T, B, D)
    x[3, 1, 2] = value
    found = first_nonfinite(layer, x)
    assert (found.kind, found.name, found.step, found.example, found.index) == ("input", "x", 3, 1, (2,))
    assert str(found) == f"the first value that is not finite is {value} in input x, step 3, example 1, entry 2"


def test_in_the_padding_it_does_not_count():
    layer, x, lengths = layer_of("gru"), numbers(T, B, D), np.array([T, 3, 2])
    x[3:, 1] = np.nan
    assert first_nonfinite(layer, x, lengths=lengths, dy=numbers(T, B, H)) is None
    x[2, 1, 0] = np.nan
    assert first_nonfinite(layer, x, lengths=lengths)[5:7] == (2, 1)


def test_in_the_given_state():
    layer = layer_of("lstm")
    h, c = np.zeros((1, B, H)), np.zeros((1, B, H))
    c[0, 2, 1] = np.inf
    found = first_nonfinite(layer, numbers(T, B, D), state=(h, c))
    assert (found.kind, found.name, found.example, found.index) == ("state", "c before the first step", 2, (0, 1))


def test_in_a_weight():
    layer = layer_of("lstm", num_layers=2, bidirectional=True)
    layer.params["W_hf_l1_reverse"][3, 0] = np.nan
    found = first_nonfinite(layer, numbers(T, B, D))
    assert (found.kind, found.name, found.index) == ("weight", "W_hf_l1_reverse", (3, 0))


def poison_lstm(layer, ending=""):
    """c grows by one a step, so that p_o c is -inf from the second step on, and o is 0; inf from an input makes nan."""
    for gate in "ifg":
        layer.params[f"b_{gate}{ending}"][2] = 500
    layer.params[f"p_o{ending}"][2] = -1.7e308


def poison_gru(layer, ending=""):
    """From the second step on h is 1, and so v infinite, at unit 2; r is 0, and 0 times infinity is nan."""
    layer.params[f"W_hn{ending}"][:, 2] = 1.7e308
    layer.params[f"b_r{ending}"][...], layer.params[f"b_z{ending}"][...] = -1e6, -1e6
    layer.params[f"b_n{ending}"][...] = 1e6


def test_in_a_gate_of_an_lstm():
    layer, x = layer_of("lstm", peepholes=True), numbers(T, B, D)
    poison_lstm(layer)
    assert first_nonfinite(layer, x) is None
    x[4, 1, 0] = layer.params["W_xo"][0, 2] = 1e300
    found = first_nonfinite(layer, x)
    assert (found.kind, found.gate, found.layer, found.direction) == ("gate", "o", 0, "forward")
    assert (found.step, found.example, found.index) == (4, 1, (2,))
    assert str(found).endswith("is nan in gate o, layer 0, forward direction, step 4, example 1, entry 2")


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("level", [0, 1])
def test_the_layer_and_the_direction_of_a_gate(level, direction):
    layer = layer_of("gru", num_layers=2, bidirectional=True)
    poison_gru(layer, ("_l1" if level else "") + ("_reverse" if direction == "reverse" else ""))
    found = first_nonfinite(layer, numbers(T, B, D))
    assert (found.kind, found.layer, found.direction, found.gate) == ("gate", level, direction, "n")
    assert (found.step, found.example, found.index) == (T - 2 if direction == "reverse" else 1, 0, (2,))


def test_in_a_state_that_grows_until_it_overflows():
    layer = ns.RNN(D, H, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["W_hh"][...] = 1e80
    x = np.zeros((T, B, D))
    x[1, 2] = 1.0
    layer.params["W_xh"][...], layer.params["b_h"][...] = 1.0, 0.0
    found = first_nonfinite(layer, x)
    assert (found.kind, found.name, found.step, found.example, found.value) == ("state", "h", 5, 2, np.inf)


def test_of_two_layers_put_together():
    layer = ns.Bidirectional(layer_of("lstm"), ns.GRU(D, H, dtype=np.float64, rng=1))
    x = numbers(T, B, D)
    assert first_nonfinite(layer, x, dy=numbers(T, B, 2 * H)) is None
    for name, view in layer.params.items():
        if name in ("backward.b_r", "backward.b_z", "backward.b_n"):
            view[...] = 1e6 if name == "backward.b_n" else -1e6
    layer.params["backward.W_hn"][:, 2] = 1.7e308
    found = first_nonfinite(layer, x, lengths=np.array([2, T, 1]))
    assert (found.kind, found.gate, found.direction) == ("gate", "n", "reverse")
    assert (found.step, found.example) == (T - 2, 1)


def model_and_ids(cell="gru", dtype=np.float32, **options):
    model = ns.LanguageModel(D, cell, H, dtype=dtype, rng=0, **options)
    return model, np.random.default_rng(0).integers(0, D, (T, B))


def test_in_the_logits():
    model, ids = model_and_ids()
    model.params["output.W"][:, 1], model.params["output.b"][1] = 3e38, 3e38
    model.params["output.W"][0, 1] = 0
    model.params["recurrent.b_n"][...] = 9
    found = first_nonfinite(model, ids, ids)
    assert (found.kind, found.index, found.value) == ("logits", (1,), np.inf)


def test_in_the_loss():
    model, ids = model_and_ids()
    model.params["output.W"][...], model.params["output.b"][...] = 0, [3e38, -3e38, -3e38, -3e38]
    ids[...] = 0
    targets = ids.copy()
    targets[4, 2] = 1
    found = first_nonfinite(model, ids, targets)
    assert (found.kind, found.step, found.example, found.value) == ("loss", 4, 2, np.inf)


def test_steps_are_counted_over_the_context():
    model, ids = model_and_ids()
    model.params["output.W"][...], model.params["output.b"][...] = 0, [3e38, -3e38, -3e38, -3e38]
    targets = np.zeros((T - 2, B), int)
    targets[1, 2] = 1
    found = first_nonfinite(model, ids, targets, context=2)
    assert (found.kind, found.step, found.example) == ("loss", 3, 2)


def test_in_an_adjoint():
    layer = ns.RNN(D, H, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["W_hh"][...] = 1e120
    layer.params["b_h"][...], x = 0.0, np.zeros((T, B, D))
    layer.params["W_xh"][...] = 1.0
    x[:] = 1e-290  # units that live, and states that stay small enough
    x[1:] = 0
    layer.params["W_hh"][...] = 1e60
    dy = np.zeros((T, B, H))
    dy[4, 1] = 1e200
    assert first_nonfinite(layer, x) is None
    found = first_nonfinite(layer, x, dy=dy)
    assert (found.kind, found.name, found.direction, found.example) == ("adjoint", "h", "forward", 1)
    assert found.step == 2  # 1e200, 5e260, then over 1.8e308


def test_in_the_adjoint_that_is_handed_in():
    layer, dy = layer_of("gru"), numbers(T, B, H)
    dy[2, 0, 3] = np.nan
    found = first_nonfinite(layer, numbers(T, B, D), dy=dy)
    assert (found.kind, found.name, found.step, found.example, found.index) == ("adjoint", "y", 2, 0, (3,))


def test_in_the_adjoint_of_a_gate():
    """v is infinite and r is 1, so n is 1 and finite; the slope that r's adjoint has is infinity times 0."""
    layer = layer_of("gru")
    poison_gru(layer)
    layer.params["b_r"][...] = 1e6
    x, dy = numbers(T, B, D), numbers(T, B, H)
    assert first_nonfinite(layer, x) is None
    found = first_nonfinite(layer, x, dy=dy)
    assert (found.kind, found.gate, found.step, found.example, found.index) == ("adjoint", "r", T - 1, 0, (2,))
    assert "in the adjoint of r, layer 0, forward direction, step 5" in str(found)


def test_in_a_gradient():
    layer = ns.RNN(1, 1, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["W_hh"][...], layer.params["W_xh"][...], layer.params["b_h"][...] = 0.0, 1e-300, 1.0
    x = np.full((2, 1, 1), 1e300)
    found = first_nonfinite(layer, x, dy=np.full((2, 1, 1), 1e10))
    assert (found.kind, found.name, found.index, found.value) == ("gradient", "W_xh", (0, 0), np.inf)
    assert "in the gradient's W_xh, entry 0, 0" in str(found)


def test_nothing_is_written_on():
    model, ids = model_and_ids()
    optimizer, before, kept = ns.SGD(0.1, momentum=0.9), model.params.flat.copy(), ids.copy()
    assert first_nonfinite(model, ids, ids, optimizer=optimizer) is None
    np.testing.assert_array_equal(model.params.flat, before)
    np.testing.assert_array_equal(ids, kept)
    assert (optimizer.state, optimizer.steps) == ({}, 0)


def test_an_update_that_overflows_is_named():
    model, ids = model_and_ids(dtype=np.float32)
    model.params["output.b"][...] = [0, 3, 0, 0]
    found = first_nonfinite(model, ids, np.zeros_like(ids), optimizer=_Explodes("output.b"))
    assert (found.kind, found.name, found.index) == ("update", "output.b", (2,))
    assert "in after the update output.b, entry 2" in str(found)


class _Explodes(ns.SGD):
    def __init__(self, name):
        super().__init__(1.0)
        self.name = name

    def step(self, params, grads):
        params[self.name][2] = np.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ns.RNN(2, 2, rng=0), np.zeros((1, 1), int), np.zeros((1, 1), int)), "a layer takes dy, neither targets"),
        ((ns.Linear(2, 2, rng=0), np.zeros((1, 2))), "model must be a LanguageModel or a recurrent layer, got Linear"),
    ],
)
def test_what_it_refuses(arguments, message):
    with pytest.raises(TypeError, match=message):
        first_nonfinite(*arguments)
    model, ids = model_and_ids()
    with pytest.raises(TypeError, match=r"a LanguageModel takes targets, neither lengths nor dy; look into its layer"):
        first_nonfinite(model, ids, lengths=np.ones(B, int))


# in training ---------------------------------------------------------------------------------------------------------


def astray(**options):
    """A model that goes astray in training, and the error."""
    model = ns.LanguageModel(4, "rnn", 8, nonlinearity="relu", rng=0, **options)
    ids = np.random.default_rng(0).integers(0, 4, 400)
    with pytest.raises(NonFiniteLoss) as caught:
        train_epoch(model, ids, ns.SGD(1e12), Epoch(batch_size=4, steps=9), rng=0, trace_nonfinite=True)
    return model, caught.value


def test_training_says_where_it_came_from_and_keeps_the_last_finite_parameters():
    model, error = astray()
    assert error.origin is not None
    assert str(error.origin) in str(error)
    assert np.isfinite(model.params.flat).all()


def test_dropout_is_drawn_again_as_it_was():
    model, error = astray(num_layers=2, dropout=0.5)
    assert error.origin is not None
    assert np.isfinite(model.params.flat).all()


def test_without_being_asked_nothing_is_kept(monkeypatch):
    def never(*arguments):
        raise AssertionError("a copy was made")

    monkeypatch.setattr("npseq.training.loop.Snapshot", never)
    model, epoch = model_and_ids()[0], Epoch(batch_size=2, steps=4)
    train_epoch(model, np.random.default_rng(0).integers(0, D, 60), ns.SGD(0.1), epoch, rng=0)


def test_a_run_says_where_it_came_from(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    from npseq.training import Run

    options = {"hidden": 4, "batch_size": 2, "steps": 5, "nonlinearity": "relu", "lr": 1e20, "clip": None}
    run = Run.begin(TrainingConfig(corpus=str(text_file), **options), tmp_path / "run")
    with pytest.raises(
        NonFiniteLoss, match=r"; the first value that is not finite is (nan|-?inf) in .*; take"
    ) as caught:
        list(run.epochs(trace_nonfinite=True))
    assert caught.value.origin.kind in ("state", "logits", "loss")


def test_tracing_changes_no_bit(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    options = {"hidden": 6, "epochs": 2, "batch_size": 3, "steps": 6, "cell": "lstm", "layers": 2, "dropout": 0.5}
    from npseq.training import Run

    config = TrainingConfig(corpus=str(text_file), **options)
    plain = train(config, tmp_path / "a")
    traced = Run.begin(config, tmp_path / "b")
    assert len(list(traced.epochs(trace_nonfinite=True))) == 2
    assert traced.model.params.flat.tobytes() == plain.model.params.flat.tobytes()
