"""diagnose names bugs planted in code that is not npseq's, alone and two at once, and nothing else."""

import numpy as np
import pytest
from diagnosis.cases import CASES, D, H, case, make
from diagnosis.foreign.runs import PLANTED, RUNS

import npseq as ns

BUGS = [
    (run, edit, named) for group in PLANTED.values() for run, edits in group.items() for edit, named in edits.items()
]
FIRST_OF_EACH = [next(bug for bug in BUGS if bug[0] == run) for run in RUNS]


def diagnosed(case):
    return ns.diagnose(case.layer, case.x, case.dy, case.grads, case.state, dx=case.dx)


@pytest.mark.parametrize("name", CASES)
def test_right_gradients_are_right(name):
    found = CASES[name]().diagnosed()
    assert found.wrong == ()
    assert found.bug is None
    assert found.text.startswith("The gradients are right: ")


@pytest.mark.parametrize(("run", "edit", "named"), FIRST_OF_EACH)
def test_a_planted_bug_is_named_first(run, edit, named):
    assert diagnosed(RUNS[run](edit)).matches[0].text == named


@pytest.mark.long
@pytest.mark.parametrize(("run", "edit", "named"), BUGS)
def test_every_planted_bug_is_named_first(run, edit, named):
    """But for the one that has no name: what is passed back times 0.9."""
    found = diagnosed(RUNS[run](edit)).matches
    assert (found[0].text if found else "") == named
    assert named or "* 0.9" in edit


@pytest.mark.parametrize("run", RUNS)
def test_these_implementations_are_right_without_a_bug(run):
    assert diagnosed(RUNS[run]()).wrong == ()


def test_two_bugs_at_once_are_both_named():
    edits = "dprev_c = dc * f -> dprev_c = dc", "da_g = dg * (1 - g**2) -> da_g = dg * (1 - g)"
    found = diagnosed(RUNS["cs231n_lstm"](*edits))
    assert found.bug == "G15 + da_g = dc_all * i * (1 - g)"
    assert found.text.startswith("This looks like: 2 mistakes at once: G15: dc carried without the forget gate; and ")


@pytest.mark.parametrize(("name", "size"), list(zip(CASES, [1e-7, 1e-4, 1e-2, 0.1, 1.0] * 3, strict=False)))
def test_noise_is_not_named(name, size):
    right, rng = CASES[name](), np.random.default_rng(1)
    noisy = {
        key: value + size * np.abs(value).max() * rng.normal(size=value.shape) for key, value in right.grads.items()
    }
    found = right.diagnosed(**noisy)
    assert found.matches == ()
    assert found.text.startswith("No known mistake has these numbers; wrong: ")


def test_a_bug_in_a_cell_of_ones_own_is_named():
    right = CASES["a cell of one's own"]()
    a, h, h_new = (right.problem.strands[0].leaf(name) for name in ("k", "h", "h_new"))
    dh, p, db = np.zeros((H, 3)), np.zeros((H, 3)), 0
    for t in reversed(range(len(a))):
        dh = right.dy[t].T + p
        u = h[t] + (h_new[t] - h[t]) / a[t]
        da_k, da_u = dh * u * a[t] * (1 - a[t]), dh * a[t] * (1 - u * u)
        p = dh * (1 - a[t]) + right.layer.params["W_hk"] @ da_k + right.layer.params["W_hu"] @ da_u
        db = db + da_k.sum(axis=1)
    found = ns.diagnose(right.layer, right.x, right.dy, {"b_k": db})
    assert found.bug == "da_k = dh_new * dsigmoid(k) * u"
    assert found.matches[0].mistakes[0].what == "the term h_{t-1} is missing: da_k = dh_t k (1 - k) u"


def test_a_mistake_in_one_layer_is_told_from_the_same_one_in_another():
    right = CASES["rnn, two layers, both directions, ragged"]()
    found = right.diagnosed(W_hh=2 * right.grads["W_hh"])
    assert found.text == "This looks like: W_hh: 2 times what it should be."
    assert found.wrong == ("W_hh",)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_are_as_exact_as_their_dtype(dtype):
    right = CASES["lstm, ragged"]()
    wrong = {name: value.astype(dtype) for name, value in right.grads.items()}
    wrong["W_hf"] = wrong["W_hf"].T.copy()
    assert ns.diagnose(right.layer, right.x, right.dy, wrong, lengths=right.lengths).bug == "W_hf: transposed"


def test_no_argument_is_written_on():
    right = CASES["gru after"]()
    kept = [right.x.copy(), right.dy.copy(), *(value.copy() for value in right.grads.values())]
    right.diagnosed(x=0 * right.grads["x"])
    assert all(map(np.array_equal, kept, [right.x, right.dy, *right.grads.values()]))


def test_what_nothing_explains_is_placed():
    right = CASES["rnn"]()
    dx = right.grads["x"].copy()
    dx[1, 2] += 0.1
    found = right.diagnosed(x=dx)
    assert found.matches == ()
    assert found.advice.startswith("dx is wrong at step 1, every parameter is right")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layer": ns.Linear(2, 3)}, TypeError, "layer must be a recurrent layer of npseq, got Linear; for others use"),
        ({"layer": make(ns.RNN).astype(complex)}, TypeError, "layer must be real to be compared, got complex128; use"),
        ({"grads": {}}, ValueError, "grads must hold a gradient or more, got none"),
        ({"grads": 3}, TypeError, "grads must map names to arrays, got int"),
        ({"grads": {"b_h": [1.0]}}, TypeError, r"grads\['b_h'\] must be a NumPy or CuPy array of numbers, got list"),
        ({"grads": {"b_h": np.ones(H, int)}}, TypeError, r"grads\['b_h'\] must be float32 or float64, got int64; conv"),
        ({"grads": {"b_h": np.ones(3)}}, ValueError, r"grads\['b_h'\] must have shape \(4,\), got \(3,\)"),
        ({"grads": {"spam": np.ones(7)}}, ValueError, "grads must have the names and shapes of W_xh, W_hh, b_h, x, h0"),
        ({"dx": np.ones(3), "grads": {"b_h": np.ones(H)}}, ValueError, r"dx must have shape \(5, 3, 2\), got \(3,\)"),
        ({"dx": np.ones(3), "grads": {"x": np.ones(3)}}, ValueError, "dx must be None where grads holds 'x', got both"),
        ({"rtol": 0}, ValueError, "rtol must be a relative tolerance between 0 and 1, got 0"),
        ({"dy": np.ones((5, 3, 1))}, ValueError, r"dy must have shape \(5, 3, 4\), got \(5, 3, 1\)"),
        ({"x": np.ones((0, 3, D))}, ValueError, "x must have a step and a sequence"),
        (
            {"x": np.ones((2000, 9, D))},
            ValueError,
            "x must be small to be compared with thousands of mistakes, got",
        ),
    ],
)
def test_refused(change, error, message):
    right = case(make(ns.RNN))
    given = {"layer": right.layer, "x": right.x, "dy": right.dy, "grads": right.grads}
    with pytest.raises(error, match=message):
        ns.diagnose(**given | change)
