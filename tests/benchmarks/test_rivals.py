"""Every rival computes what npseq computes, and one that does not is refused."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import rivals
from benchmarks.cases import CELLS, Case
from benchmarks.generation import rivals as generators
from benchmarks.problem import problem
from benchmarks.rivals import RIVALS, Built, agreement, build

VARIANTS = [
    {},
    {"inputs": "dense"},
    {"inputs": "embedding", "layers": 2},
    {"bidirectional": True},
    {"ragged": True, "inputs": "embedding", "layers": 2, "bidirectional": True},
]


def case_of(cell: str, **options) -> Case:
    return Case(cell, 5, 4, 11, 6, "float64", **{"D": 3, **options})


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("rival", ["torch", "scratch", "autograd", "textbook"])
def test_a_rival_has_npseqs_loss_and_gradient(rival, cell):
    pytest.importorskip(RIVALS[rival].package)
    for options in VARIANTS:
        case = case_of(cell, **options)
        built = build(["npseq", rival], problem(case))
        assert all(error < 1e-12 for error in agreement(built, case.dtype).values())
        for one in built.values():
            one.step()
            one.infer()


@pytest.mark.slow
def test_the_compiled_step_is_npseqs():
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    case = case_of("rnn")
    for given in (case, case._replace(B=1), case._replace(ragged=True)):
        built = build(["npseq", "compiled"], problem(given))
        assert agreement(built, "float64")["compiled"] < 1e-12
        built["compiled"].step()
        built["compiled"].infer()


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_jax_has_npseqs_loss_and_gradient(cell):
    pytest.importorskip("jax")
    for options in VARIANTS[:4]:
        built = build(["npseq", "jax"], problem(case_of(cell, **options)))
        assert agreement(built, "float64")["jax"] < 1e-12
        built["jax"].step()
        built["jax"].infer()


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_and_the_logits_are_the_same_too(cell):
    """After a step the losses are those of the same new parameters; the clip of the rivals' norms does not act here."""
    pytest.importorskip("torch")
    built = build(["npseq", "torch", "scratch", "textbook"], problem(case_of(cell)))
    logits = {name: np.asarray(rival.infer()).reshape(5, 4, 11) for name, rival in built.items()}
    for rival in built.values():
        rival.step()
    losses = {name: rival.gradient()[0] for name, rival in built.items()}
    for name in built:
        np.testing.assert_allclose(logits[name], logits["npseq"], rtol=0, atol=1e-12)
        assert losses[name] == pytest.approx(losses["npseq"], rel=0.05)  # two biases count twice in a step, or once


def test_a_rival_that_computes_something_else_is_refused():
    own = Built(lambda: None, lambda: None, lambda: (1.0, {"w": np.array([1.0, 2.0])}))
    wrong = own._replace(gradient=lambda: (1.0, {"w": np.array([1.0, 2.01])}))
    other = own._replace(gradient=lambda: (1.0, {"v": np.array([1.0, 2.0])}))
    with pytest.raises(RuntimeError, match=r"torch must compute what npseq does, but its w is off by 5.0e-03"):
        agreement({"npseq": own, "torch": wrong}, "float64")
    with pytest.raises(RuntimeError, match="torch must have the gradients of npseq, differing"):
        agreement({"npseq": own, "torch": other}, "float64")
    assert agreement({"npseq": own, "torch": own}, "float64") == {"torch": 0.0}


@pytest.mark.parametrize("cell", CELLS)
def test_generators_write_the_same_characters(cell):
    pytest.importorskip("torch")
    given = problem(Case(cell, 1, 1, 28, 16))
    built = generators(given, ("npseq", "torch", "scratch", "textbook"), 12)
    assert len({tuple(run()) for run in built.values()}) == 1


@pytest.mark.parametrize("cell", CELLS)
def test_several_sequences_are_written_as_each_alone(cell):
    pytest.importorskip("torch")
    built = generators(problem(Case(cell, 1, 3, 28, 16)), ("npseq", "torch", "textbook"), 12)
    assert list(built) == ["npseq", "torch"]
    own, theirs = (run() for run in built.values())
    assert own == theirs
    assert np.shape(own) == (12, 3)
    assert [row[0] for row in own] == generators(problem(Case(cell, 1, 1, 28, 16)), ("npseq",), 12)["npseq"]()


def test_an_unknown_rival_is_named():
    with pytest.raises(SystemExit, match="no rival theano; there are npseq, compiled, torch, scratch, jax, "):
        rivals.available(["theano"])
