"""The fuzz: its oracle beside scalar loops and beside long decimals, what it finds, and that it repeats a finding."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from oracles import recurrent as loops

import npseq as ns
from benchmarks.fuzz import __main__ as fuzz
from benchmarks.fuzz import losses, stacks
from benchmarks.fuzz.arithmetic import Arithmetic, has_80_bits
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.networks import Network
from benchmarks.fuzz.verdict import Case, Judge
from npseq.activations.activation import derivative_of

pytestmark = pytest.mark.skipif(not has_80_bits(), reason="long double has no 80 bits on this machine")
T, B, D, H = 3, 3, 2, 3
LENGTHS = np.array([2, 0, 3])
every_cell = pytest.mark.parametrize("name", stacks.CELLS)


def problem(name, layers=2, both=True):
    """(network, layer, numbers) of float64 that reach far."""
    make, cell, options = stacks.CELLS[name]
    layer = make(D, H, layers, bidirectional=both, dtype=float, rng=0, **options)
    rng = np.random.default_rng(1)
    layer.params.flat[...] = rng.uniform(-1, 1, layer.params.flat.shape)
    strands, P = layers * (1 + both), layer.state_size
    h, dh = rng.normal(size=(2, strands, B, P))
    c, dc = rng.normal(size=(2, strands, B, H)) if cell == "lstm" else (None, None)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, layer.output_size))
    return Network(cell, layers, 1 + both), layer, stacks.Numbers(x, h, c, LENGTHS, dy, dh, dc)


def by_loops(network, layer, given, carry=None):
    """Every gradient by a complex step through the scalar loops."""
    at = {**layer.params, "dx": given.x, "dh": given.h, **({} if given.c is None else {"dc": given.c})}

    def loss(p):
        out = loops.run(loops.Network(*network), p, p["dx"], p["dh"], p.get("dc"), LENGTHS, carry)
        ends = [(out.h, given.dh), *([] if given.c is None else [(out.c, given.dc)])]
        return loops.weighted(out.y, given.dy) + sum(loops.weighted(*end) for end in ends)

    return loops.gradient(loss, at)


def exact(network, layer, given, plan=None):
    made = stacks.expected(lambda **o: Arithmetic(float, **o), network, layer.params, given, layer, plan)
    return {name: array[0] for name, array in made.items()}


def assert_close(found, right):
    for name, value in right.items():
        assert abs(found[name] - value).max() <= 1e-13 * abs(value).max(), name


@every_cell
@pytest.mark.parametrize("both", [False, True])
def test_the_oracle_has_the_derivatives_of_scalar_loops(name, both):
    parts = problem(name, both=both)
    assert_close(exact(*parts), by_loops(*parts))


@every_cell
def test_its_lags_are_the_powers_of_a_weighed_carry(name):
    network, layer, given = problem(name)
    states = {}
    at = (layer.params, given.x, given.h, given.c, LENGTHS)
    loops.run(loops.Network(*network), *at, loops.recorder(states))
    weight = 0.7
    right = by_loops(network, layer, given, loops.blend(states, lambda *_: weight))
    assert_close(exact(network, layer, given, stacks.Plan(weight ** np.arange(2 * T + 1))), right)


def test_a_factor_on_h_alone_leaves_c():
    """A carry that keeps c whole and h not at all is h-detach of probability 1."""
    network, layer, given = problem("LSTM peepholes", both=False)
    nothing, whole = np.zeros((2, T)), np.ones((2, T))
    made = exact(network, layer, given, stacks.Plan(h=nothing, c=whole))
    _, _, tape = layer.forward(given.x, (given.h, given.c), LENGTHS)
    _, _, grads = layer.backward(given.dy, tape, (given.dh, given.dc), ns.HDetach(1.0))
    assert_close(made, dict(grads))


@pytest.mark.parametrize("x", [-60.0, -17.25, -1.0, 0.5, 3.0, 25.0, 40.5])
def test_units_keep_all_digits_at_both_ends(x):
    with localcontext() as context:
        context.prec = 60
        e, double = Decimal(-x).exp(), Decimal(-2 * x).exp()
        right = [1 / (1 + e), e / (1 + e) ** 2, (1 - double) / (1 + double), 4 * double / (1 + double) ** 2]
        found = []
        for unit in ("sigmoid", "tanh"):
            m = Arithmetic(float)
            a = m.leaf([[x]])
            y = getattr(m, unit)(a)
            m.backward([(y, [[1]])])
            found += [y.value[0, 0, 0], a.grad[0, 0, 0]]
        for one, other in zip(found, right, strict=True):
            digits = Decimal(np.format_float_scientific(one, precision=25, unique=False))
            assert abs(digits / other - 1) < Decimal("4e-19")


def test_noisy_arithmetic_is_off_by_its_unit():
    m = Arithmetic(np.float32, 1000, np.random.default_rng(0))
    apart = abs(m.off(np.full((1, 1, 1), np.longdouble(3))) - 3)
    assert 0.99 < apart.max() / (3 * 2**-23) <= 1


def judged(wrong, right=1.0, noise=0.0):
    """The findings where 1 + wrong was found, and the noisy runs are off by this much."""

    def answer(new):
        m = new()
        return {"x": np.full((max(m.samples, 1), 1), np.longdouble(right) + noise * bool(m.samples))}

    case = Case({"x": np.array([1 + wrong])}, {}, answer, np.dtype(float), 8)
    return Judge().findings(case, Draw((0,)), np.random.default_rng(0))


@pytest.mark.parametrize(("wrong", "noise", "count"), [
    (0, 0, 0), (7 * 2**-53, 0, 0), (1e-14, 0, 1), (1e-14, 1e-14, 0), (1e-13, 1e-14, 1), (np.nan, 1, 1), (np.inf, 1, 1),
])  # fmt: skip
def test_an_error_counts_that_rounding_does_not_explain(wrong, noise, count):
    assert len(judged(wrong, noise=noise)) == count


def test_a_small_budget_of_every_kind_finds_nothing(capsys):
    assert fuzz.main(["--count", "150", "--seed", "14"]) == 0, capsys.readouterr().out
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0].split()[1] for line in lines] == list(fuzz.KINDS)


def test_the_kinds_are_drawn_in_their_shares():
    tallies = fuzz.run(list(fuzz.KINDS), 60, float("inf"), 14, show=0)
    counts = {kind: tally.cases for kind, tally in tallies.items()}
    whole = sum(fuzz.SHARES.values())
    assert all(abs(counts[kind] - 60 * share / whole) <= 1.5 for kind, share in fuzz.SHARES.items())


def of(name, wrong):
    """A derivative_of that is wrong for one activation."""

    def written(y, out=None):
        out = np.empty_like(y) if out is None else out
        out[...] = wrong(y)
        return out

    return lambda one, *, output: written if output and one.name == name else derivative_of(one, output=output)


@pytest.mark.parametrize(("module", "name", "wrong", "kind"), [
    ("npseq.activations.activated", "derivative_of", of("tanh", lambda y: 1 - 0.999 * y * y), "layers"),
    ("npseq.activations.activated", "derivative_of", of("sigmoid", lambda y: y * (1 - y + 1e-4)), "layers"),
    ("npseq.layers.linear", "_times", lambda x, W, workspace=None: x @ (W * np.float32(1.00001)), "models"),
    ("npseq.losses.cross_entropy", "_safe_exponent", lambda dtype: 1e9, "losses"),
    ("npseq.optim.adam", "average",
     lambda xp, mean, value, keep, scratch: np.add(keep * mean, (1.0001 - keep) * value, out=mean), "optimizers"),
])  # fmt: skip
def test_what_is_planted_is_found_and_repeated(module, name, wrong, kind, monkeypatch, capsys):
    """The first case that is right by itself is wrong with the plant in, and the printed line repeats it."""
    with monkeypatch.context() as planted:
        planted.setattr(f"{module}.{name}", wrong)
        assert fuzz.main(["--kind", kind, "--count", "40", "--seed", "14"]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if "python -m benchmarks.fuzz" in line]
    repeats = (line.split("benchmarks.fuzz ")[1].split() for line in lines)
    arguments = next(arguments for arguments in repeats if fuzz.main(arguments) == 0)
    assert capsys.readouterr().out.endswith("all is right\n")
    monkeypatch.setattr(f"{module}.{name}", wrong)
    assert fuzz.main(arguments) == 1
    assert " ".join(arguments) in capsys.readouterr().out


def test_a_call_that_raises_is_a_finding(monkeypatch):
    monkeypatch.setattr(ns, "softmax_cross_entropy", lambda *a, **o: 1 / 0)
    monkeypatch.setattr(losses, "KINDS", ("cross-entropy",) * 4)
    lines = fuzz.one("losses", 0, 0, fuzz.Tally())
    assert "ZeroDivisionError" in "".join(lines)


def test_an_argument_that_is_written_on_and_one_that_is_taken_are_complaints():
    draw = Draw((0,))
    array = draw.laid_out("x", np.zeros(3))
    draw.refused("a list", lambda: ns.softmax_cross_entropy(np.zeros((1, 2)), [0]))
    draw.check_unwritten()
    assert draw.complaints == []
    array.flags.writeable = True
    array[0] = 1
    draw.check_unwritten()
    draw.refused("a sum", lambda: 1 + 1)
    draw.refused("a shape", lambda: np.zeros(3) + np.zeros(2))
    assert draw.complaints[:2] == ["x was written on", "a sum was taken"]
    assert draw.complaints[2].startswith("a shape: not npseq's own ValueError")


def test_only_needs_a_kind(capsys):
    with pytest.raises(SystemExit):
        fuzz.main(["--only", "3"])
    assert "--only needs --kind" in capsys.readouterr().err
