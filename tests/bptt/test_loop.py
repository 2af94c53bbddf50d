"""The loop over time against plain loops over numbers: sequences, steps, units and terms, from the papers' equations.

`outcome` runs one sequence on Python's complex numbers and shares nothing with npseq. An adjoint is the derivative of
the loss by a number that is added to the result of a product, and each is taken by a complex step of its own.
"""

import cmath

import numpy as np
import pytest
from bptt.strands import LENGTHS, B, H, P, T, every_cell, inputs, made

from npseq.bptt import loop
from npseq.layers.rnn import RNNCell

STEP = 1e-30


def sigmoid(x):
    return 1 / (1 + cmath.exp(-x))


def relu(x):
    return x if x.real > 0 else 0


def affine(w, x, h, column):
    """One entry of x W_x + b + h W_h; x or h may be empty."""
    total = w.W[w.state, column] if w.bias and x else 0
    for i, number in enumerate(x):
        total += number * w.W[w.state + w.bias + i, column]
    for i, number in enumerate(h):
        total += number * w.W[i, column]
    return total


def step(name, w, x, h, c, more):
    """(h, c) after a step. more(block, unit) and more("v", unit) are added to the products' results."""
    units = range(H)
    if name.startswith("rnn"):
        phi = cmath.tanh if name == "rnn tanh" else relu
        return [phi(affine(w, x, h, j) + more(0, j)) for j in units], c
    if name.startswith("gru"):
        r = [sigmoid(affine(w, x, h, j) + more(0, j)) for j in units]
        z = [sigmoid(affine(w, x, h, H + j) + more(1, j)) for j in units]
        if name == "gru after":
            v = [affine(w, [], h, 2 * H + j) + (w.h_biases[0, j] if w.bias else 0) + more(2, j) for j in units]
            n = [cmath.tanh(affine(w, x, [], 2 * H + j) + r[j] * v[j] + more(3, j)) for j in units]
        else:
            m = [r[j] * h[j] for j in units]
            v = [affine(w, [], m, 2 * H + j) + more("v", j) for j in units]
            n = [cmath.tanh(affine(w, x, [], 2 * H + j) + v[j] + more(2, j)) for j in units]
        return [z[j] * h[j] + (1 - z[j]) * n[j] for j in units], c
    p_o, p_i, p_f = [[0] * H] * 3 if w.vectors is None else w.vectors[..., 0].tolist()
    i = [sigmoid(affine(w, x, h, H + j) + p_i[j] * c[j] + more(1, j)) for j in units]
    f = [sigmoid(affine(w, x, h, 2 * H + j) + p_f[j] * c[j] + more(2, j)) for j in units]
    g = [cmath.tanh(affine(w, x, h, 3 * H + j) + more(3, j)) for j in units]
    new = [f[j] * c[j] + i[j] * g[j] for j in units]
    m = [sigmoid(affine(w, x, h, j) + p_o[j] * new[j] + more(0, j)) * cmath.tanh(new[j]) for j in units]
    if w.U is None:
        return m, new
    return [sum(m[j] * w.U[j, k] for j in units) + more("v", k) for k in range(P)], new


def outcome(name, w, x, h, c, moved=None):
    """[(h, c) before and after every step]; moved: (step, block, unit) whose result gets a complex step."""
    states = [(h, c)]
    for t, x_t in enumerate(x):
        states.append(step(name, w, x_t, *states[-1], lambda k, j, t=t: 1j * STEP * ((t, k, j) == moved)))
    return states


def of_sequence(one, b, length):
    """x of each step, h and c before the first, as lists of numbers."""
    x = [inputs(one)[t, :, b].tolist() for t in range(length)]
    c = None if one.strand.c is None else one.strand.c[0, :, b].tolist()
    return x, one.strand.s[0, : one.w.state, b].tolist(), c


def upstream(one, lengths, seed=5):
    """dy (T, P, B), zero past each length, and the derivatives by the last state."""
    rng = np.random.default_rng(seed)
    dy = rng.normal(size=(one.strand.steps, one.w.state, B)) * (np.arange(one.strand.steps)[:, None, None] < lengths)
    return dy, rng.normal(size=(one.w.state, B)), None if one.strand.c is None else rng.normal(size=(H, B))


def loss(states, dy, dh, dc):
    """sum over t of dy_t h_t, and of the last state with its derivatives; all of one sequence."""
    total = sum(
        d * number for (h, _), row in zip(states[1:], dy, strict=True) for d, number in zip(row, h, strict=True)
    )
    h, c = states[-1]
    total += sum(d * number for d, number in zip(dh, h, strict=True))
    return total if c is None else total + sum(d * number for d, number in zip(dc, c, strict=True))


def expected_adjoints(name, one, lengths, dy, dh, dc):
    """Every adjoint by a complex step of its own: da (A, H, T, B), dv, dh, dc."""
    da = np.zeros((len(one.blocks), H, T, B))
    dv = None if one.w.U is None else np.zeros((one.w.U.shape[1], T, B))
    first_h, first_c = np.zeros((one.w.state, B)), None if dc is None else np.zeros((H, B))
    for b, length in enumerate(lengths):
        x, h, c = of_sequence(one, b, length)
        above = dy[:length, :, b], dh[:, b], None if dc is None else dc[:, b]

        def slope(moved=None, h=h, c=c, x=x, above=above):
            return complex(loss(outcome(name, one.w, x, h, c, moved), *above)).imag / STEP

        for t in range(length):
            for k, j in np.ndindex(da.shape[:2]):
                da[k, j, t, b] = slope((t, k, j))
            for j in range(0 if dv is None else len(dv)):
                dv[j, t, b] = slope((t, "v", j))
        for j in range(one.w.state):
            first_h[j, b] = slope(h=[number + 1j * STEP * (i == j) for i, number in enumerate(h)])
        for j in range(0 if c is None else H):
            first_c[j, b] = slope(c=[number + 1j * STEP * (i == j) for i, number in enumerate(c)])
    return loop.Adjoints(da, dv, first_h, first_c)


def run(one, lengths, **options):
    """Forward, and backward from the same upstream gradients every time."""
    loop.forward(one.cell, one.w, one.strand)
    dy, dh, dc = upstream(one, lengths)
    return loop.backward(one.cell, one.w, one.strand, dy, dh, dc, **options)


def assert_adjoints(found, expected):
    for field, value in zip(loop.Adjoints._fields, expected, strict=True):
        if value is None:
            assert getattr(found, field) is None
        else:
            np.testing.assert_allclose(getattr(found, field), value, rtol=0, atol=1e-14, err_msg=field)


everything = pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"lengths": LENGTHS}, {"ids": True, "bias": False}, {"ids": True, "lengths": LENGTHS}],
    ids=str,
)


@everything
@every_cell
def test_forward_is_the_plain_loop(name, options):
    one = made(name, **options)
    loop.forward(one.cell, one.w, one.strand)
    for b, length in enumerate(options.get("lengths", [T] * B)):
        states = outcome(name, one.w, *of_sequence(one, b, length))
        states += [states[-1]] * (T - length)
        for t, (h, c) in enumerate(states):
            np.testing.assert_allclose(one.strand.s[t, : one.w.state, b], np.real(h), rtol=0, atol=1e-15)
            if c is not None:
                np.testing.assert_allclose(one.strand.c[t, :, b], np.real(c), rtol=0, atol=1e-15)


@everything
@every_cell
def test_backward_is_the_derivative_of_the_plain_loop(name, options):
    one, lengths = made(name, **options), options.get("lengths", [T] * B)
    found = run(one, lengths)
    dy, dh, dc = upstream(one, lengths)
    assert_adjoints(found, expected_adjoints(name, one, lengths, dy, dh, dc))


def test_backward_of_the_plain_recurrent_network_is_its_recursion():
    """The lines of the module's docstring, for one sequence at a time: dh_t = dy_t + p_{t+1}, p_t = W_h da_t."""
    one = made("rnn tanh")
    found = run(one, [T] * B)
    dy, dh, _ = upstream(one, [T] * B)
    W_h, h = one.w.W[:H], one.strand.s[:, :H]
    for b in range(B):
        p = dh[:, b]
        for t in reversed(range(T)):
            da = [(dy[t, j, b] + p[j]) * (1 - h[t + 1, j, b] ** 2) for j in range(H)]
            p = [sum(W_h[i, j] * da[j] for j in range(H)) for i in range(H)]
            np.testing.assert_allclose(found.da[0, :, t, b], da, rtol=0, atol=1e-14)
        np.testing.assert_allclose(found.dh[:, b], p, rtol=0, atol=1e-14)


@every_cell
def test_a_state_past_its_length_stays_and_hands_its_adjoint_through_bit_for_bit(name):
    one = made(name, lengths=LENGTHS)
    found = run(one, LENGTHS)
    _, dh, dc = upstream(one, LENGTHS)
    empty = LENGTHS.tolist().index(0)
    np.testing.assert_array_equal(found.dh[:, empty], dh[:, empty])
    np.testing.assert_array_equal(found.da[..., empty], 0)
    np.testing.assert_array_equal(one.strand.s[-1, : one.w.state, empty], one.strand.s[0, : one.w.state, empty])
    if dc is not None:
        np.testing.assert_array_equal(found.dc[:, empty], dc[:, empty])


@every_cell
def test_no_upstream_gradient_of_outputs_is_zeros(name):
    one = made(name)
    loop.forward(one.cell, one.w, one.strand)
    dy, dh, dc = upstream(one, [T] * B)
    found = loop.backward(one.cell, one.w, one.strand, None, dh, dc)
    for part, zeros in zip(found, loop.backward(one.cell, one.w, one.strand, 0 * dy, dh, dc), strict=True):
        if part is not None:
            np.testing.assert_array_equal(part, zeros)


@every_cell
def test_an_axis_before_the_batch_keeps_losses_apart(name):
    """Each entry of the axis is a backward pass of its own."""
    one = made(name, lengths=LENGTHS)
    loop.forward(one.cell, one.w, one.strand)
    losses = [upstream(one, LENGTHS, seed) for seed in range(3)]
    together = [None if part[0] is None else np.stack(part, axis=-2) for part in zip(*losses, strict=True)]
    found = loop.backward(one.cell, one.w, one.strand, *together)
    for k, alone in enumerate(losses):
        expected = loop.backward(one.cell, one.w, one.strand, *alone)
        assert_adjoints(loop.Adjoints(*(None if part is None else part[..., k, :] for part in found)), expected)


# hooks ---------------------------------------------------------------------------------------------------------------


@every_cell
def test_record_receives_the_adjoint_of_the_state_after_each_step_from_the_last_to_the_first(name):
    """dh is dL/dh of h after step t with all that it reaches: by the first state of the steps that follow."""
    one, seen = made(name), []
    run(one, [T] * B, record=lambda t, dh, dc: seen.append((t, dh.copy(), dc)))
    assert [t for t, _, _ in seen] == [3, 2, 1, 0]
    dy, dh, dc = upstream(one, [T] * B)
    for t, found_h, found_c in seen:
        rest = one.strand._replace(
            **{
                name: None if (part := getattr(one.strand, name)) is None else part[t + 1 :] for name in ("s", "c", "m")
            },
            a=one.strand.a[t + 1 :] if len(one.strand.a) == T else one.strand.a,
            ragged=(False,) * (T - 1 - t),
        )
        later = loop.backward(one.cell, one.w, rest, dy[t + 1 :], dh, dc)
        np.testing.assert_allclose(found_h, dy[t] + later.dh, rtol=0, atol=1e-14)
        if dc is not None:
            np.testing.assert_allclose(found_c, later.dc, rtol=0, atol=1e-14)


def test_record_receives_zeros_of_a_sequence_that_is_over():
    one, seen = made("lstm", lengths=LENGTHS), {}
    run(one, LENGTHS, record=lambda t, dh, dc: seen.update({t: (dh.copy(), dc.copy())}))
    for t, (dh, dc) in seen.items():
        for b, length in enumerate(LENGTHS):
            assert dh[:, b].any() == dc[:, b].any() == (t < length)


@every_cell
def test_edge_is_applied_to_the_adjoint_that_step_t_hands_to_the_step_before(name):
    """Blocked at step 2 alone: steps 0 and 1 see their own losses only, and the steps from 2 on the whole."""
    one, seen = made(name), []

    def edge(dh, dc, t):
        seen.append(t)
        factor = float(t != 2)
        return factor * dh, None if dc is None else factor * dc

    found, whole = run(one, [T] * B, edge=edge), run(one, [T] * B)
    assert seen == [3, 2, 1, 0]
    np.testing.assert_array_equal(found.da[:, :, 2:], whole.da[:, :, 2:])
    dy, dh, dc = upstream(one, [T] * B)
    first = made(name, steps=2)
    for field in ("s", "c", "m", "a"):
        part, own = getattr(one.strand, field), getattr(first.strand, field)
        if own is not None:
            own[...] = part[: len(own)]
    alone = loop.backward(one.cell, one.w, first.strand, dy[:2], 0 * dh, None if dc is None else 0 * dc)
    np.testing.assert_allclose(found.da[:, :, :2], alone.da, rtol=0, atol=1e-14)
    np.testing.assert_allclose(found.dh, alone.dh, rtol=0, atol=1e-14)


# the parts of the loop -----------------------------------------------------------------------------------------------


def test_on_the_host_a_cell_runs_itself():
    cell = RNNCell()
    assert loop.where(cell, np.zeros(1)) is cell


@every_cell
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
def test_local_derivatives_of_any_number_of_steps_at_once_are_the_same_bits(name, lengths, monkeypatch):
    given = [T] * B if lengths is None else lengths
    expected = run(made(name, lengths=lengths), given)
    for steps in (1, 3):
        monkeypatch.setattr(loop, "CACHE", steps * made(name).with_h * H * B)
        for part, value in zip(run(made(name, lengths=lengths), given), expected, strict=True):
            if value is not None:
                np.testing.assert_array_equal(part, value)


@every_cell
def test_transposed_weights_give_the_same(name):
    plain, other = made(name), made(name)
    rows = other.w.state if other.strand.x_first else len(other.w.W)
    transposed = np.full((other.w.W.shape[1], rows), np.nan)
    other = other._replace(strand=other.strand._replace(transposed=transposed))
    for one in (plain, other):
        loop.forward(one.cell, one.w, one.strand)
    np.testing.assert_array_equal(transposed, other.w.W[:rows].T)
    np.testing.assert_allclose(other.strand.s, plain.strand.s, rtol=0, atol=1e-15)


@pytest.mark.parametrize("rows", [1, 2, 3, 16])
def test_a_matrix_is_transposed_some_rows_at_a_time(rows, monkeypatch):
    monkeypatch.setattr(loop, "ROWS", rows)
    W, out = np.arange(15.0).reshape(5, 3), np.empty((3, 5))
    assert loop._transpose(W, out) is out
    np.testing.assert_array_equal(out, W.T)


def test_one_sequence_that_meets_its_inputs_before_the_loop_gives_the_same():
    """LSTM, batch 1: x multiplied for all steps at once, as where W_x is large."""
    plain, ahead = made("lstm", batch=1), made("lstm", batch=1)
    ahead = ahead._replace(strand=ahead.strand._replace(x_first=True))
    for one in (plain, ahead):
        loop.forward(one.cell, one.w, one.strand)
    np.testing.assert_allclose(ahead.strand.s, plain.strand.s, rtol=0, atol=1e-15)
    np.testing.assert_allclose(ahead.strand.a, plain.strand.a, rtol=0, atol=1e-15)


@every_cell
def test_no_steps_leave_the_state_and_its_adjoint_alone(name):
    one = made(name, steps=0)
    found = run(one, [0] * B)
    _, dh, dc = upstream(one, [0] * B)
    np.testing.assert_array_equal(found.dh, dh)
    assert found.da.shape == (len(one.blocks), H, 0, B)
    assert (found.dc is None) == (dc is None)
