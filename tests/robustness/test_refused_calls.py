"""Odd calls that used to be taken in silence, or to end in Python's or NumPy's own words."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npseq as ns
from npseq.layers.checkpointing import Schedule
from npseq.models import counting

T, B, D, H, V = 5, 2, 3, 4, 6
RNG = np.random.default_rng(0)
X, DY, IDS = RNG.normal(size=(T, B, D)), RNG.normal(size=(T, B, H)), RNG.integers(0, V, (T, B))
OF = {"dtype": np.float64, "rng": 0}
WIDE = ns.GRU(D, H, **OF).astype(np.complex128)


def gru(**options: Any) -> Any:
    return ns.GRU(D, H, **OF, **options)


def both() -> Any:
    return ns.Bidirectional(gru(), gru())


def tape_of(layer: Any) -> Any:
    return layer.forward(X.astype(layer.dtype))[2]


def ledger_of(layer: Any = None) -> Any:
    layer = layer or gru()
    return ns.inspect.ledger(layer, DY.astype(layer.dtype), tape_of(layer))


def model(**options: Any) -> Any:
    return ns.LanguageModel(V, "gru", H, **OF, **options)


def captions() -> Any:
    return ns.models.SequenceGenerator(2, ns.Embedding(V, D, **OF), gru(), rng=0)


def seq2seq(**options: Any) -> Any:
    return ns.models.Seq2Seq(V, V, "gru", D, H, **OF, **options)


def trained(kind: Any, layer: Any) -> Any:
    optimizer = kind(0.1)
    optimizer.step(layer.params, layer.params.like(layer.params.flat + 1))
    return optimizer


def epoch_of(**odd: Any) -> Any:
    given = {"model": model(), "ids": np.arange(60) % V, "optimizer": ns.SGD(0.1)}
    return ns.training.train_epoch(**{**given, "epoch": ns.training.Epoch(batch_size=2, steps=5), **odd})


def resumed(**changes: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        ns.training.Run.begin(ns.training.TrainingConfig(max_tokens=2000, hidden_size=4), folder)
        return ns.training.Run.resume(folder, changes)


def loaded(**state: Any) -> None:
    ns.Adam().load_state_dict({"steps": 0, "lr": 0.1, **state})


def survives(value: Any) -> Any:
    return gru().backward(DY, tape_of(gru()), None, ns.RouletteTruncation(lambda lag: value, 0))


def returns(value: Any) -> Callable[..., Any]:
    return lambda *arguments: value


ONES, OTHER = np.ones(3), ns.LSTM(D, H, **OF)
CHAIN = np.array([[0.5, 0.5], [1.0, 0.0]])
CALLS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    # the state of an optimizer
    "steps below 0": (lambda: loaded(steps=-3), ValueError, "steps must be an integer of at least 0, got -3"),
    "steps of 1.7": (lambda: loaded(steps=1.7), ValueError, "steps must be an integer of at least 0, got 1.7"),
    "steps of nan": (lambda: loaded(steps=np.nan), ValueError, "steps must be an integer of at least 0, got nan"),
    "steps that are True": (lambda: loaded(steps=True), ValueError, "steps must be an integer of at least 0, got True"),
    "3 steps without arrays": (lambda: loaded(steps=3), ValueError, "an array of each kind, .* after 3 steps"),
    "arrays before a step": (lambda: loaded(**{"mean/": ONES, "square/": ONES}), ValueError, "got .* after 0 steps"),
    "half of the arrays": (lambda: loaded(steps=1, **{"mean/": ONES}), ValueError, r"got \['mean/'\] after 1 steps"),
    "arrays of two shapes": (lambda: loaded(steps=1, **{"mean/": ONES, "square/": ONES[:2]}), TypeError, "as the oth"),
    "a square below 0": (
        lambda: loaded(steps=1, **{"mean/": ONES, "square/": -ONES}), ValueError, "square/ must not be negati"),
    "a mean of nan": (
        lambda: loaded(steps=1, **{"mean/": ONES * np.nan, "square/": ONES}), ValueError, "mean/ must be finite, got"),
    "one optimizer for two layers": (
        lambda: trained(ns.Adam, gru()).step(OTHER.params, OTHER.params.like(0 * OTHER.params.flat)), ValueError,
        "make one optimizer for each layer or model"),
    "an optimizer of integers": (
        lambda: ns.SGD(0.1).step({"W": np.ones(2, int)}, {"W": np.ones(2, int)}), TypeError, "must be floating"),
    "an optimizer of bools": (
        lambda: ns.Adam(0.1).step({"W": np.ones(2, bool)}, {"W": np.ones(2, bool)}), TypeError, "must be floating"),
    "the class of an optimizer": (
        lambda: model().step(IDS, IDS, None, ns.Adam), TypeError, "optimizer must be .* got the class Adam; make one"),
    "the class, in another model": (
        lambda: seq2seq().step(IDS, IDS, optimizer=ns.Adam), TypeError, "got the class Adam; make one of it"),
    # options
    "an option of another cell": (
        lambda: ns.LanguageModel(3, cell="rnn", reset="nope"), ValueError, "reset belongs to cell gru, got reset 'no"),
    "two of them": (
        lambda: ns.LanguageModel(3, cell="rnn", proj_size=2, peepholes="yes"), ValueError, "belongs to cell lstm"),
    "a bool for an id": (lambda: ns.Embedding(5, 2, padding_idx=True), ValueError, "padding_idx must be .* got True"),
    "a layer's name for a layer": (
        lambda: ns.models.Classifier("gru", 2), ValueError, "a cell by name needs to know what it reads: vocab, for"),
    "keep of nothing": (lambda: ns.RandomTruncation([]), ValueError, r"keep must be a probability in \(0, 1\]"),
    "keep of True": (lambda: ns.RandomTruncation(True), TypeError, "keep must be a number, got True"),
    "keep of bools": (lambda: ns.RandomTruncation(np.ones(2, bool)), TypeError, "keep must be real numbers, got bool"),
    "a vector of integers": (lambda: gru().bind(np.ones(gru().params.flat.size, int)), ValueError, "dtype must be"),
    "a vector of halves": (lambda: gru().bind(gru().params.flat.astype("f2")), ValueError, "dtype must be float32"),
    "a list for a vector": (lambda: gru().bind([1.0]), TypeError, r"flat must be a NumPy .* got list; pass numpy"),
    "one-hot objects": (lambda: ns.data.one_hot([1], 2, dtype=object), TypeError, "dtype must be a dtype"),
    "a number too large for an id": (
        lambda: ns.Embedding(5, 2, rng=0).forward(np.uint8(200)), ValueError, r"ids must be in \[0, 5\), got 200"),
    "a whole number that is a float": (
        lambda: ns.checkpointed(gru(), X, DY, max_bytes=4e9), ValueError, r"integer .* got 4.*; pass int\(max_bytes\)"),
    "ids and a tensor among them": (
        lambda: ns.data.Vocabulary("ab").to_tokens([1, np.ma.masked_array(1)]), TypeError, r"ids\[1\] must be a NumPy"),
    "one number for tokens": (
        lambda: counting.ngram_counts(np.array(3), 2), ValueError, "tokens must be ids .* got one number, 3"),
    "a chain that begins with a list": (
        lambda: counting.log_prob(np.array([0]), [1.0], np.ones((1, 1))), TypeError, "initial must be a NumPy"),
    "metrics of a text": (lambda: ns.plot.training_curve("ab", "x.png"), TypeError, "metrics must be a list of Epoch"),
    "metrics of a class": (
        lambda: ns.plot.training_curve([ns.training.EpochMetrics], "x.png"), TypeError, "metrics must be a list of Ep"),
    "a checkpoint of a path": (
        lambda: ns.training.save_checkpoint("x", "y"), TypeError, "checkpoint must be a Checkpoint of npseq.training"),
    "a run of a mapping": (lambda: ns.training.Run.begin({}, "x"), TypeError, "config must be a TrainingConfig, got d"),
    "a run that overwrites perhaps": (
        lambda: ns.training.train(ns.training.TrainingConfig(), "x", overwrite="no"), TypeError, "overwrite must be "),
    "changes of a list": (lambda: ns.training.Run.resume("x", ["epochs"]), TypeError, "changes must map names"),
    "changes of no field": (lambda: resumed(odd=1), ValueError, r"changes must be fields of .* got \['odd'\]"),
    "numbers for arrays of Keras": (lambda: ns.interop.keras.load(gru(), [1, 2]), TypeError, "got list of numbers"),
    "an epoch of a class": (lambda: epoch_of(model=ns.LanguageModel), TypeError, "model must be a LanguageModel, got"),
    "an epoch with no function": (lambda: epoch_of(on_step=True), TypeError, "on_step must be a function, got True"),
    "an epoch that a number stops": (lambda: epoch_of(stop=1), TypeError, "stop must be a function, got 1"),
    "an epoch after a number": (lambda: epoch_of(before=[1]), TypeError, "before must be a list of EpochMetrics"),
    "an epoch from a number": (lambda: epoch_of(position=3), TypeError, "position must be a Position or None, got int"),
    "other ledgers that are an array": (
        lambda: ns.inspect.figures.gradient_by_lag({"a": ledger_of()}, ONES), TypeError, "extra must map labels"),
    "bools for ids of a sentence": (
        lambda: seq2seq().greedy(IDS > 1, np.array([T, 2])), TypeError, "source must be integers, got bool"),
    "bools for targets that count": (
        lambda: model().loss(IDS, IDS > 1, lengths=np.array([T, 2])), TypeError, "targets must be integers, got bool"),
    "a walk from nothing": (
        lambda: counting.sample_states(None, np.ones((1, 1)), 3), TypeError, "initial must be a NumPy or CuPy array"),
    "a bool for a seed": (lambda: ns.Dropout(0.5, True), TypeError, "rng must be a seed of at least 0"),
    # generation
    "a temperature below 0": (
        lambda: captions().generate(np.ones((1, 2)), 0, 3, temperature=-1), ValueError, "temperature must be 0, for"),
    "a temperature of minus infinity": (
        lambda: captions().generate(np.ones((1, 2)), 0, 3, temperature=-np.inf), ValueError, "temperature must be 0"),
    "a temperature of nan": (
        lambda: counting.NGramModel([0, 1], 2, 1).generate([0], 3, temperature=np.nan), ValueError, "temperature"),
    "an n-gram model's temperature of minus infinity": (
        lambda: counting.NGramModel([0, 1], 2, 1).generate([0], 3, temperature=-np.inf), ValueError, "temperature"),
    "a temperature that is a text": (lambda: model().generate([0], 3, "1"), TypeError, "temperature must be a number"),
    "a length below 0": (
        lambda: captions().generate(np.ones((1, 2)), 0, -1), ValueError, "length must be an integer of at least 0"),
    "a length without end": (lambda: model().generate([0], 10**20), ValueError, "length must be at most 100000000"),
    "a stop that is no id": (
        lambda: captions().generate(np.ones((1, 2)), 0, 3, stop=99), ValueError, r"stop must be an integer in \[0"),
    "a first token that is no id": (
        lambda: captions().generate(np.ones((1, 2)), 6, 3), ValueError, r"first must be an integer in \[0, 6\), got 6"),
    "a beam that begins with a text": (
        lambda: ns.models.beam_search(len, None, "a", None, 3), ValueError, "begin must be an integer, got 'a'"),
    "a beam whose step returns one thing": (
        lambda: ns.models.beam_search(returns(3), None, 0, None, 3), TypeError, "step must return a pair"),
    "a beam whose step returns another shape": (
        lambda: ns.models.beam_search(returns((np.zeros((2, 3)), [1])), None, 0, None, 3), ValueError, "a row for"),
    "states of a chain of ints": (
        lambda: counting.sample_states(np.array([1, 0]), CHAIN, 3), TypeError, "probabilities must be real and"),
    # complex layers where they mean nothing
    **{
        f"{name} of a complex layer": (call, TypeError, r"layer must be real here, got complex128; use layer.astype")
        for name, call in {
            "ledger": lambda: ledger_of(WIDE),
            "lyapunov_exponents": lambda: ns.inspect.lyapunov_exponents(WIDE, tape_of(WIDE)),
            "jacobian_spectrum": lambda: ns.inspect.jacobian_spectrum(WIDE, tape_of(WIDE)),
            "ghost_norms": lambda: ns.inspect.ghost_norms(WIDE, DY.astype(complex), tape_of(WIDE)),
            "pair_norms": lambda: ns.inspect.pair_norms(WIDE, DY.astype(complex), tape_of(WIDE)),
            "crossing_norms": lambda: ns.inspect.crossing_norms(WIDE, DY.astype(complex), tape_of(WIDE)),
            "vanishing_penalty": lambda: ns.inspect.vanishing_penalty(WIDE, DY.astype(complex), tape_of(WIDE)),
            "uoro": lambda: ns.uoro(WIDE, X.astype(complex), DY.astype(complex)),
            "generate": lambda: model().astype(complex).generate([0], 3),
            "log_probs": lambda: model().astype(complex).log_probs(IDS),
            "LanguageModel.beam_search": lambda: model().astype(complex).beam_search([0]),
            "log_prob": lambda: model().astype(complex).log_prob([0, 1]),
            "evaluate": lambda: model().astype(complex).evaluate(IDS[:, 0]),
            "SequenceGenerator.generate": lambda: captions().astype(complex).generate(np.ones((1, 2), complex), 0, 3),
            "greedy": lambda: seq2seq().astype(complex).greedy(IDS),
            "beam_search": lambda: seq2seq().astype(complex).beam_search(IDS[:, 0]),
        }.items()
    },
    "a complex keep": (
        lambda: ns.inspect.random_truncation_variance(ledger_of(), 0.5 + 0j), TypeError, "keep must be real numbers"),
    "a warmup of all steps": (
        lambda: ns.inspect.lyapunov_exponents(gru(), tape_of(gru()), warmup=T), ValueError, r"warmup must be .*\[0, 5"),
    # tapes
    "another layer's tape": (
        lambda: both().forward(X, tape=tape_of(gru())), TypeError, "tape must be an old one that forward returned"),
    "a number for an old tape": (lambda: both().forward(X, tape=3), TypeError, "tape must be an old one .* got int"),
    "no tape": (lambda: both().backward(None, None), TypeError, "tape must be the one .* got NoneType"),
    "a tape of one direction": (
        lambda: both().backward(None, tape_of(gru())), TypeError, "tape must be the one .* got Tape"),
    "a ledger of no tape": (lambda: ns.inspect.ledger(both(), None, None), TypeError, "tape must be the one"),
    "a ledger of another tape": (
        lambda: ns.inspect.ledger(both(), None, tape_of(gru())), TypeError, "tape must be the one .* got Tape"),
    "paths of no tape": (lambda: ns.inspect.path_split(ns.LSTM(D, H), None), TypeError, "tape must be the one"),
    "paths of another tape": (
        lambda: ns.inspect.path_split(ns.Bidirectional(OTHER, OTHER), tape_of(OTHER)), TypeError, "tape must be the"),
    "rows that are none": (lambda: gru().gradients([], tape_of(gru())), TypeError, "rows must be what this layer's"),
    # through time
    **{
        f"schedule {schedule!r}": (
            lambda schedule=schedule: ns.checkpointed(gru(), X, DY, schedule=schedule), TypeError,
            r"schedule must be a Schedule\(stride, slots\)")
        for schedule in ((2, 1), "2", 2.0, Schedule)
    },
    "a schedule of fractions": (
        lambda: ns.checkpointed(gru(), X, DY, schedule=Schedule(1.5, 1)), ValueError, "schedule.stride must be a"),
    "visit that is a number": (lambda: ns.checkpointed(gru(), X, DY, visit=3), TypeError, "visit must be a function"),
    "max_bytes of inf": (
        lambda: ns.checkpointed(gru(), X, DY, max_bytes=np.inf), ValueError, "max_bytes must be an integer"),
    "max_bytes of nan": (
        lambda: ns.inspect.ledger(gru(), DY, tape_of(gru()), max_bytes=np.nan), ValueError, "max_bytes must be an int"),
    "dy of too many steps": (
        lambda: ns.rtrl(gru(), X, np.ones((9, B, H))), ValueError, r"dy must have shape \(5, 2, 4\), got \(9, 2, 4\)"),
    "influence that is a list": (
        lambda: ns.rtrl(gru(), X, DY, influence=[1]), TypeError, "influence must map names to arrays, got list"),
    "influence of other names": (
        lambda: ns.rtrl(gru(), X, DY, influence={"W": ONES}), ValueError, "influence must have the names of layer"),
    "influence of another shape": (
        lambda: ns.rtrl(gru(), X, DY, influence={name: ONES for name in gru().params}), ValueError,
        r"influence\['W_xr'\] must have shape \(2, 4, 3, 4\)"),
    "influence of rtrl for uoro": (
        lambda: ns.uoro(gru(), X, DY, influence=ns.rtrl(gru(), X, DY).influence), TypeError, "influence must be the"),
    "survival of a text": (lambda: survives("1"), TypeError, r"survival\(0\) must be a number, got '1'"),
    "survival of a complex number": (lambda: survives(1 + 0j), TypeError, r"survival\(0\) must be a number"),
    "survival of an array": (lambda: survives(ONES), TypeError, r"survival\(0\) must be a number"),
    # a language model's window
    "a context of 1.0": (lambda: model().loss(IDS, IDS, context=1.0), ValueError, "context must be an integer"),
    "a context of a text": (lambda: model().loss(IDS, IDS, context="1"), ValueError, "context must be an integer"),
    "a state at 1.5": (lambda: model().loss(IDS, IDS, state_at=1.5), ValueError, "state_at must be an integer"),
    # looking into gradients
    **{
        f"max_lag {max_lag!r}": (
            lambda max_lag=max_lag: ns.inspect.ledger(gru(), DY, tape_of(gru()), max_lag=max_lag), ValueError,
            "max_lag must be a positive integer")
        for max_lag in (-1, 1.5, "a")
    },
    "a spectrum of max_lag 0": (
        lambda: ns.inspect.jacobian_spectrum(gru(), tape_of(gru()), max_lag=0), ValueError, "max_lag must be a posi"),
    "1.5 eigenvalues": (
        lambda: ns.inspect.lanczos(lambda v: v, 5, 1.5), ValueError, r"count must be an integer in \[1, 5\), got 1.5"),
    **{
        f"{name} of no ledger": (
            lambda name=name, more=more: getattr(ns.inspect, name)({"W": ONES}, *more), TypeError,
            "ledger must be what inspect.ledger returned, got dict")
        for name, more in {
            "lag_norms": (), "adjoint_norms": (), "truncation_bias": (), "tail_norms": (), "best_survival": (2,),
            "random_truncation_variance": (0.5,), "roulette_variance": (returns(1),), "truncation_certificate": (),
        }.items()
    },
    "figures of no ledger": (
        lambda: ns.inspect.figures.gradient_by_lag({"a": 3}), TypeError, "ledgers must map labels to objects"),
    "a report of a layer": (lambda: ns.inspect.report({"a": gru()}, "x"), TypeError, "cases must map labels"),
    "adjoints of no name": (
        lambda: ns.inspect.adjoint_norms(ledger_of(), "c"), ValueError, "name must be one of 'h', got 'c'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), CALLS.values(), ids=CALLS)
def test_an_odd_call_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_numpys_numbers_are_numbers():
    assert {type(ns.Dropout(kind(0.5)).p) for kind in (np.float32, np.float64, np.float16, float)} == {float}
    assert ns.RandomTruncation(np.float32(0.5)).keep == 0.5
    assert type(ns.SGD(np.float32(0.5)).lr) is float


@pytest.mark.parametrize("option", [{"num_layers": np.int64(2)}, {"dropout": np.float32(0.5), "num_layers": 2}])
def test_a_model_of_numpys_numbers_is_saved(option, tmp_path):
    one = model(**option)
    one.save(tmp_path / "model.safetensors")
    assert ns.LanguageModel.load(tmp_path / "model.safetensors").config == one.config


# nothing is drawn, and nothing written, before everything has been checked


def bits(thing: Any) -> list[bytes]:
    """The parameters, an optimizer's state, and the generators."""
    layers = [thing] if isinstance(thing, ns.layers.layer.Layer) else []
    found = [thing.params.flat.tobytes()] if layers else [array.tobytes() for array in thing.state.values()]
    while layers:
        layer = layers.pop()
        found += [str(layer.rng.bit_generator.state).encode()] if isinstance(layer, ns.Dropout) else []
        layers += [part for part in vars(layer).values() if isinstance(part, ns.layers.layer.Layer)]
    return found


def broken(**options: Any) -> Any:
    optimizer = ns.Adam(0.1)
    vars(optimizer).update(options)
    return optimizer


FLAT = np.full(2, 0.5)
DROPPING = {"num_layers": 2, "dropout": 0.5}
STEPS: dict[str, tuple[Callable[[], Any], dict[str, Any], list[dict[str, Any]]]] = {  # a good batch, and odd ones
    "LanguageModel": (
        lambda: model(**DROPPING), {"ids": IDS, "targets": IDS, "state": None},
        [{"targets": IDS + 1}, {"targets": IDS[1:]}, {"targets": IDS.astype(float)}, {"ids": IDS - 9}, {"state": ONES},
         {"truncation": ns.RandomTruncation(FLAT)}, {"truncation": ns.HDetach(0.5)}, {"truncation": "2"},
         {"truncation": ns.RouletteTruncation(returns(0.5))}, {"context": -1}, {"state_at": 9}, {"clip": -1},
         {"clip": "1"}, {"optimizer": None}, {"optimizer": broken(lr=-1)}, {"optimizer": broken(lr=None)},
         {"optimizer": trained(ns.Adam, gru())}, {"all_reduce": 3}]),
    "Tagger": (
        lambda: ns.models.Tagger(gru(**DROPPING), V, rng=0), {"x": X, "targets": IDS},
        [{"targets": IDS + 1}, {"targets": IDS[:, 0]}, {"weights": -np.ones((T, B))}, {"weights": np.ones(B)},
         {"reduction": "none"}, {"lengths": np.array([9, 1])}, {"clip": np.nan}, {"optimizer": ns.Adam}]),
    "Tagger of labels": (
        lambda: ns.models.Tagger(both_dropping(), 2, loss="binary", rng=0), {"x": X, "targets": np.ones((T, B, 2))},
        [{"targets": np.full((T, B, 2), 2.0)}, {"targets": np.ones((T, B))}, {"weights": np.ones((T, B), complex)}]),
    "Classifier": (
        lambda: ns.models.Classifier(gru(**DROPPING), V, rng=0), {"x": X, "targets": IDS[0]},
        [{"targets": IDS}, {"targets": IDS[0] - 9}, {"optimizer": broken(lr=np.inf)}]),
    "Seq2Seq": (
        lambda: seq2seq(dropout=0.5), {"source": IDS, "target": IDS},
        [{"target": IDS + 1}, {"target": IDS[:, :1]}, {"source": IDS - 9}, {"teacher_forcing": 2}, {"rng": "a"},
         {"reduction": "mean"}, {"target_lengths": np.array([9, 1])}, {"source_lengths": [1.5, 1]}, {"clip": -1}]),
    "SequenceGenerator": (
        lambda: ns.models.SequenceGenerator(2, ns.Embedding(V, D, **OF), gru(**DROPPING), rng=0),
        {"v": np.ones((B, 2)), "ids": IDS, "targets": IDS},
        [{"targets": IDS + 1}, {"targets": IDS[1:]}, {"v": np.ones((3, 2))}, {"lengths": [9, 1]},
         {"reduction": "none"}]),
}  # fmt: skip


def both_dropping() -> Any:
    return ns.Bidirectional(gru(**DROPPING), gru(**DROPPING))


def step(one: Any, given: dict[str, Any]) -> Any:
    return one.step(**{"optimizer": ns.Adam(0.1), **given})


REFUSED = [(name, odd) for name, (_, _, odd_ones) in STEPS.items() for odd in odd_ones]


@pytest.mark.parametrize(("name", "odd"), REFUSED, ids=[f"{name} {next(iter(odd))}" for name, odd in REFUSED])
def test_a_refused_step_draws_nothing_and_writes_nothing(name, odd):
    make, good, _ = STEPS[name]
    one, optimizer = make(), odd.get("optimizer") or ns.Adam(0.1)
    before, of_optimizer = bits(one), copy.deepcopy(vars(optimizer)) if isinstance(optimizer, ns.Adam) else None
    with pytest.raises((TypeError, ValueError), match=r"must|needs|belongs"):
        step(one, {**good, **odd})
    assert bits(one) == before
    if of_optimizer is not None:
        assert optimizer.steps == of_optimizer["steps"]
        assert {k: v.tobytes() for k, v in optimizer.state.items()} == {
            k: v.tobytes() for k, v in of_optimizer["state"].items()
        }
    other = make()
    step(one, good), step(other, good)
    assert bits(one) == bits(other)


@pytest.mark.parametrize("odd", [
    {"dstate": (None, ONES)}, {"truncation": ns.RandomTruncation(FLAT, 0)}, {"grads": 3}, {"workspace": 3}, {"dy": DY},
])  # fmt: skip
def test_a_refused_backward_of_two_layers_writes_nothing(odd):
    layer = both()
    tape, grads = layer.forward(X)[2], layer.params.like(np.zeros_like(layer.params.flat))
    cut = ns.RandomTruncation(0.5, 0)
    before = str(cut.rng.bit_generator.state)
    with pytest.raises((TypeError, ValueError), match="must"):
        layer.backward(**{"dy": np.ones((T, B, 2 * H)), "tape": tape, "truncation": cut, "grads": grads, **odd})
    assert str(cut.rng.bit_generator.state) == before
    assert not grads.flat.any()


def test_a_refused_forward_of_two_layers_draws_nothing():
    layer = both_dropping()
    before = bits(layer)
    for odd in ({"state": (None, ONES)}, {"lengths": [9, 1]}, {"tape": 3}, {"training": "yes"}):
        with pytest.raises((TypeError, ValueError), match="must"):
            layer.forward(**{"x": X, "training": True, **odd})
    assert bits(layer) == before


SIZES = {  # calls whose work or memory a size says
    "layers": (lambda n: ns.GRU(2, 2, num_layers=n), "num_layers must be at most 10000"),
    "layers of a model": (lambda n: ns.LanguageModel(5, "gru", 3, n), "num_layers must be at most 10000"),
    "features": (lambda n: ns.RNN(n, 3), "shape must be that of an array that fits into memory"),
    "units": (lambda n: ns.RNN(3, n), "shape must be that of an array that fits into memory"),
    "classes": (lambda n: ns.data.one_hot([0], n), "the shape of the vectors must be that of an array that fits"),
    "padding": (lambda n: ns.data.pad_sequences([[1]], length=n), "length must be at most 1000000000"),
    "a wide padding": (
        lambda n: ns.data.pad_sequences([[1]] * 5000, length=999_999_999), "the shape of what is padded must be that"),
    "a series": (lambda n: ns.data.noisy_sine(n), "length must be at most 1000000000"),
    "sentences": (lambda n: ns.data.agreement_sentences(n, 2), "count must be at most 1000000000"),
    "pairs": (lambda n: ns.data.load_pairs("reversal", n), "num_pairs must be at most 1000000000"),
    "steps of pairs": (lambda n: ns.data.load_pairs("reversal", 3, steps=n), "steps must be at most 1000000000"),
    "states": (lambda n: counting.transition_matrix(np.array([0, 1]), n), "the shape of the matrix must be that of"),
    "a walk": (lambda n: counting.sample_states(np.ones(1), np.ones((1, 1)), n), "length must be at most 1000000000"),
    "steps of a chain": (lambda n: counting.propagate(np.ones(1), np.ones((1, 1)), n), "steps must be at most 1000000"),
    "a naive forecast": (lambda n: counting.naive(ONES, n), "steps must be at most 1000000000"),
    "errors": (lambda n: counting.error_growth(0.5, 0.5, n), "steps must be at most 1000000000"),
    "a forecast": (lambda n: counting.multi_step(np.ndarray.sum, np.ones(9), 3, n), "steps must be at most 1000000000"),
    "a table": (lambda n: counting.table_size(28, n), "order must be at most 10000"),
    "an order": (lambda n: counting.NGramModel([0, 1], 5, n), "order must be at most 1000000000"),
    "lags": (lambda n: ns.inspect.expected_lags(lambda k: 0.5**k, n), "lags must be at most 1000000000"),
    "a curvature": (lambda n: ns.inspect.lanczos(lambda v: v, n, 2), "size must be at most 1000000000"),
    "grams": (lambda n: ns.models.d2l_bleu("a", "a", k=n), "k must be at most 1000000000"),
    "a translation": (lambda n: seq2seq().greedy(IDS, max_steps=n), "max_steps must be at most 1000000000"),
    "a search": (lambda n: seq2seq().beam_search(IDS[:, 0], max_steps=n), "max_steps must be at most 1000000000"),
    "a latent forecast": (
        lambda n: ns.models.LatentForecaster(1, "gru", 2, rng=0).forecast(np.ones((3, 1, 1), np.float32), n),
        "steps must be at most 1000000000"),
}  # fmt: skip


@pytest.mark.parametrize("size", [10**12, 2**63, 10**30])
@pytest.mark.parametrize(("call", "message"), SIZES.values(), ids=SIZES)
def test_a_size_that_no_machine_has_is_refused_at_once(call, message, size):
    with pytest.raises(ValueError, match=message):
        call(size)


@pytest.mark.parametrize("make", [
    lambda rng: ns.LanguageModel(V, "lstm", H, proj_size=9, rng=rng),
    lambda rng: ns.LanguageModel(V, "gru", H, embedding_size=3, dropout=2, rng=rng),
    lambda rng: ns.models.Tagger(gru(), 0, rng=rng),
    lambda rng: ns.models.Seq2Seq(V, ns.data.Vocabulary("a"), "gru", D, H, rng=rng),
    lambda rng: ns.models.Seq2Seq(V, V, "gru", D, H, dropout=2, rng=rng),
    lambda rng: ns.models.SequenceGenerator(0, ns.Embedding(V, D, rng=0), gru(), rng=rng),
    lambda rng: ns.models.Forecaster(3, -1, rng=rng),
    lambda rng: ns.models.LatentForecaster(2, "gru", 4, 0, rng=rng),
    lambda rng: ns.data.noisy_sine(5, dtype="U3", rng=rng),
    lambda rng: ns.initializers.normal((2, 3), rng, int),
    lambda rng: ns.initializers.xavier_normal((2, 3), rng, gain=-1),
    lambda rng: ns.initializers.orthogonal((2, 3), rng, gain=np.inf),
    lambda rng: ns.initializers.orthogonal((2, 3), rng, np.float16),
    lambda rng: ns.gradcheck_layer(gru(), X, method="exact", rng=rng),
    lambda rng: ns.gradcheck_layer(gru(), np.full_like(X, np.nan), rng=rng),
    lambda rng: ns.gradcheck(lambda at: at["x"].real.sum(), {"x": ONES}, {"x": ONES}, method="complex", rng=rng),
    lambda rng: ns.online.kf_rtrl(gru(), X, DY, influence=[1], rng=rng),
    lambda rng: ns.online.kf_rtrl(gru(), X, lambda t, y: y[:, :t], rng=rng),
    lambda rng: ns.online.ok(gru(), X, lambda t, y: y[:, :t], rng=rng),
    lambda rng: ns.uoro(gru(), X, lambda t, y: y[:, :t], rng=rng),
    lambda rng: seq2seq().loss(IDS, IDS, teacher_forcing=0.5, training=2, rng=rng),
])  # fmt: skip
def test_what_is_refused_has_drawn_nothing(make):
    rng = np.random.default_rng(0)
    before = str(rng.bit_generator.state)
    with pytest.raises((TypeError, ValueError), match=r"must|has no|needs"):
        make(rng)
    assert str(rng.bit_generator.state) == before


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ns.layers.last_output(gru(), ()), "state must be a NumPy or CuPy array of numbers, got tuple"),
    (lambda: ns.layers.last_output(both(), ((), None)), r"state\[0\] must be a NumPy or CuPy array"),
    (lambda: ns.layers.last_output(ns.LSTM(D, H), ({1}, None)), r"state\[0\] must be .* array of numbers, got set"),
    (lambda: ns.models.Forecaster(D).predict(X), r"windows must have shape \(N, lags\), got \(5, 2, 3\); join those"),
    (lambda: ns.models.Forecaster(D, **OF).loss(X, DY[:, 0, 0]), r"windows must have shape \(N, lags\), got \(5, 2, 3"),
    (lambda: ns.data.sequence_mask(IDS, np.array([1, 2]), axis=True), r"axis must be an integer in \[0, 2\), got True"),
    (lambda: ns.clip_grad_norm({"a": ONES, "b": 1j * ONES}, 99.0), "grads must be all real or all complex, got both"),
])  # fmt: skip
def test_what_was_taken_in_silence_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_labels_are_judged_only_where_they_count():
    """Of two labels a step, those past a length and those of weight 0 may be anything; nothing is drawn for others."""
    one = ns.models.Tagger(gru(**DROPPING), 2, loss="binary", rng=0)
    lengths, weights = np.array([T, 2]), np.ones((T, B))
    labels = np.ones((T, B, 2))
    labels[2:, 1] = np.nan
    one.step(X, labels, lengths=lengths, optimizer=ns.SGD(0.1))
    weights[0, 0], labels[0, 0] = 0, 7
    one.step(X, labels, lengths=lengths, weights=weights, optimizer=ns.SGD(0.1))
    before = bits(one)
    labels[1, 1] = 7
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\], got values from 0.0 to 7.0"):
        one.step(X, labels, lengths=lengths, weights=weights, optimizer=ns.SGD(0.1))
    assert bits(one) == before


def test_an_order_is_not_drawn_for_pairs_that_do_not_fit():
    one, rng = ns.models.Forecaster(2, H, **OF), np.random.default_rng(0)
    before = str(rng.bit_generator.state)
    for odd in ({"targets": ONES}, {"optimizer": ns.Adam}, {"data": np.ones((5, 3))}, {"epochs": 0}):
        with pytest.raises((TypeError, ValueError), match="must"):
            one.fit(**{"data": np.ones((5, 2)), "targets": np.ones(5), "optimizer": ns.SGD(0.1), "rng": rng, **odd})
    assert str(rng.bit_generator.state) == before


# what is handed out is not overwritten later


def test_visit_may_keep_the_adjoints_and_dy_the_outputs():
    layer, kept, outputs = gru(num_layers=2), {}, {}

    def dy(first: int, y: np.ndarray) -> np.ndarray:
        outputs[first] = y
        return DY[first : first + len(y)]

    ns.checkpointed(layer, X, dy, schedule=Schedule(2, 1), visit=lambda first, rows: kept.update({first: rows}))
    y, _, tape = layer.forward(X)
    rows = layer.adjoints(DY, tape)
    assert sorted(kept) == sorted(outputs) == [0, 2, 4]
    for first, found in kept.items():
        np.testing.assert_array_equal(outputs[first], y[first : first + 2])
        for one, whole in zip(found, rows, strict=True):
            np.testing.assert_allclose(one[0].da, whole[0].da[:, :, first : first + 2], rtol=1e-12, atol=1e-15)


def test_a_ledgers_states_and_gates_stay_when_its_tape_is_written_over():
    layer = gru()
    tape = tape_of(layer)
    found = ns.inspect.ledger(layer, DY, tape)
    kept = {name: value.copy() for name, value in {**found.states, **found.gates, **found.adjoints}.items()}
    layer.forward(10 * X, tape=tape)
    for name, value in {**found.states, **found.gates, **found.adjoints}.items():
        np.testing.assert_array_equal(value, kept[name])
