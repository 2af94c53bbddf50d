"""Checkpointed backward against backward, its schedule against the recursion it is optimal for."""

from __future__ import annotations

from functools import cache
from weakref import ref

import numpy as np
import pytest
from layers.recurrent_cases import assert_close, every_cell, given, make, parts

from npseq import GRU, LSTM, RNN, Bidirectional
from npseq.layers.checkpointing import Schedule, best_split, checkpointed, forward_units, plan

T, B = 11, 3
LENGTHS = np.array([7, 0, 11])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
SCHEDULES = [Schedule(1, 1), Schedule(1, 3), Schedule(2, 2), Schedule(3, 9), Schedule(11, 1), Schedule(40, 1)]


@cache
def cost(n, m):
    """The recursion itself."""
    if n <= 1:
        return n
    if m == 1:
        return n * (n + 1) // 2
    return min(y + cost(n - y, m - 1) + cost(y, m) for y in range(1, n))


@pytest.mark.parametrize(("slots", "units"), [(1, 5050), (2, 945), (5, 416), (10, 322), (20, 278), (100, 199)])
def test_a_hundred_units_cost_what_the_recursion_says(slots, units):
    assert forward_units(100, slots) == units


def test_the_closed_form_is_the_recursion():
    for n in range(1, 40):
        for m in range(1, 45):
            assert forward_units(n, m) == cost(n, m)
            if n > 1 and m > 1:
                y = best_split(n, m)
                assert y + cost(n - y, m - 1) + cost(y, m) == cost(n, m)


@pytest.mark.filterwarnings("ignore:Numba not available:RuntimeWarning")
@pytest.mark.parametrize(("name", "on_disk"), [("Revolve", ()), ("MultistageCheckpointSchedule", (0,))])
def test_checkpoint_schedules_runs_as_many_units(name, on_disk):
    """An oracle of the count: the schedules of Griewank and Walther in another library, action by action."""
    library = pytest.importorskip("checkpoint_schedules")
    for units, slots in [(1, 1), (2, 1), (5, 2), (10, 3), (40, 4), (77, 6), (100, 10), (30, 30)]:
        actions = iter(getattr(library, name)(units, slots, *on_disk))
        run, action = 0, None
        while not isinstance(action, library.EndReverse):
            action = next(actions)
            run += action.n1 - action.n0 if isinstance(action, library.Forward) else 0
        assert run == forward_units(units, slots)


@pytest.mark.parametrize("slots", [1, 2, 3, 5, 40])
def test_no_more_is_run_than_the_schedule_says(slots):
    layer = RNN(1, 2, dtype=np.float64, rng=0)
    found = checkpointed(layer, np.zeros((40, 1, 1)), None, schedule=Schedule(1, slots))
    assert found.steps_run == forward_units(40, slots)


def test_no_more_states_are_kept_than_the_schedule_says():
    """Every state that is kept was returned by forward: count those still alive whenever it is called."""
    layer, states, alive = RNN(1, 2, dtype=np.float64, rng=0), [], []
    forward = layer.forward

    def counted(*args, **options):
        y, last, tape = forward(*args, **options)
        states.append(ref(last))
        alive.append(sum(state() is not None for state in states))
        return y, last, tape

    layer.forward = counted
    checkpointed(layer, np.zeros((40, 1, 1)), None, schedule=Schedule(1, 4))
    assert max(alive) == 3 + 3  # of the four one is the user's; beside them: into a step, out of it, the last unit's


@ragged
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@every_cell
def test_adjoints_agree_bit_for_bit_and_sums_to_rounding(cell, schedule, lengths):
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, lengths)[2]
    rows = layer.adjoints(data.dy, tape, data.dstate)
    dx, dstate, grads = layer.gradients(rows, tape)
    seen = []

    def visit(first, adjoints):
        seen.insert(0, [None if a is None else a.copy() for a in (adjoints[0][0].da, adjoints[0][0].dv)])

    found = checkpointed(layer, data.x, data.dy, data.state, lengths, data.dstate, schedule=schedule, visit=visit)
    np.testing.assert_array_equal(np.concatenate([da for da, _ in seen], axis=2), rows[0][0].da)
    if rows[0][0].dv is not None:
        np.testing.assert_array_equal(np.concatenate([dv for _, dv in seen], axis=1), rows[0][0].dv)
    for a, b in zip(parts(found.dstate), parts(dstate), strict=True):
        np.testing.assert_array_equal(a, b)
    assert_close({**found.grads, "x": found.dx}, {**grads, "x": dx}, 1e-14)


@ragged
@pytest.mark.parametrize("layers", [2, 3])
@every_cell
def test_stacks_agree_layer_by_layer(cell, layers, lengths):
    layer = make(cell, num_layers=layers)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, lengths)[2]
    rows = layer.adjoints(data.dy, tape, data.dstate)
    dx, dstate, grads = layer.gradients(rows, tape)
    seen = []

    def visit(first, adjoints):
        seen.insert(0, [row[0].da.copy() for row in adjoints])

    schedule = Schedule(2, 3)
    found = checkpointed(layer, data.x, data.dy, data.state, lengths, data.dstate, schedule=schedule, visit=visit)
    for l, row in enumerate(rows):
        np.testing.assert_array_equal(np.concatenate([unit[l] for unit in seen], axis=2), row[0].da)
    for a, b in zip(parts(found.dstate), parts(dstate), strict=True):
        np.testing.assert_array_equal(a, b)
    assert_close({**found.grads, "x": found.dx}, {**grads, "x": dx}, 1e-14)


@pytest.mark.parametrize("size", [5, 200])
def test_token_ids_have_no_dx(size):
    layer = LSTM(size, 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, size, (T, B)), rng.normal(size=(T, B, 3))
    found = checkpointed(layer, ids, dy)
    assert found.dx is None
    assert_close(found.grads, dict(layer.backward(dy, layer.forward(ids)[2])[2]), 1e-13)


def test_the_loss_may_read_y_as_it_comes():
    layer = make("gru after", num_layers=1)
    data = given(layer, T, B)
    y, _, tape = layer.forward(data.x)
    found = checkpointed(layer, data.x, lambda first, part: part - data.dy[first : first + len(part)])
    assert_close(found.grads, dict(layer.backward(y - data.dy, tape)[2]), 1e-13)


@pytest.mark.parametrize("steps", [1, 2, 99, 100, 101])
def test_without_a_budget_both_grow_with_the_root(steps):
    layer = RNN(1, 2, dtype=np.float64, rng=0)
    schedule = plan(layer, steps, 1)
    assert schedule.stride * schedule.slots >= steps
    assert max(schedule) <= np.sqrt(steps) + 1
    assert checkpointed(layer, np.zeros((steps, 1, 1)), None).steps_run <= 2 * steps


def test_a_smaller_budget_runs_more_steps():
    layer = LSTM(16, 64, rng=0)
    schedules = [plan(layer, 1000, 8, max_bytes) for max_bytes in (1 << 30, 1 << 22, 1 << 19, 1 << 17)]
    run = [forward_units(-(-1000 // s.stride), s.slots) * s.stride for s in schedules]
    assert run[0] <= 1001
    assert run == sorted(run)
    assert run[-1] > run[0]
    with pytest.raises(MemoryError, match=r"one step and one state need .* KiB, more than max_bytes allows \(1 KiB\)"):
        plan(layer, 1000, 8, 1024)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_a_budget_is_kept(kind, layers):
    """Measured: the most that was held, less what there is before; and the steps run are the schedule's."""
    import tracemalloc

    layer, steps, batch = kind(8, 32, num_layers=layers, rng=0), 300, 4
    x, dy = np.zeros((steps, batch, 8), np.float32), np.zeros((steps, batch, 32), np.float32)
    peaks = []
    for max_bytes in (1 << 22, 1 << 18):
        tracemalloc.start()
        found = checkpointed(layer, x, dy, max_bytes=max_bytes)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        stride, slots = plan(layer, steps, batch, max_bytes)
        most = forward_units(-(-steps // stride), slots) * stride
        assert most - stride * slots < found.steps_run <= most  # the last unit may be shorter
    others = 4 * (4 * layer.params.flat.size + 2 * x.size) + (1 << 17)  # gradients, dx, local derivatives
    assert peaks[1] < (1 << 18) + others
    assert peaks[1] < peaks[0] / 1.5


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (4, 0), (1, 1)])
def test_the_smallest_sizes_agree_too(steps, batch):
    layer = make("lstm")
    data = given(layer, steps, batch)
    found = checkpointed(layer, data.x, data.dy, data.state, dstate=data.dstate)
    dx, dstate, grads = layer.backward(data.dy, layer.forward(data.x, data.state)[2], data.dstate)
    assert_close({**found.grads, "x": found.dx, "h": found.dstate[0]}, {**grads, "x": dx, "h": dstate[0]}, 1e-14)


def test_what_cannot_be_run_in_pieces_is_refused():
    x = np.zeros((3, 2, 2))
    both = RNN(2, 3, bidirectional=True, dtype=np.float64)
    pair = Bidirectional(LSTM(2, 3, dtype=np.float64), LSTM(2, 3, dtype=np.float64))
    for layer in (both, pair):
        with pytest.raises(ValueError, match="checkpointing needs a layer of one direction, got"):
            checkpointed(layer, x, None)
    for schedule in (Schedule(0, 1), Schedule(1, 0)):
        with pytest.raises(ValueError, match=r"schedule\.\w+ must be a positive integer, got 0"):
            checkpointed(RNN(2, 3, dtype=np.float64), x, None, schedule=schedule)
