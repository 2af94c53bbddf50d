"""The variance of a random truncation in a stack against every draw there is, and against its closed form."""

from itertools import product

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, every_cell, given, make
from ledger_cases import STEPS, Drawn, ledger_and_gradient

from npseq import GRU, LSTM, Bidirectional, RandomTruncation
from npseq.inspect import ledger, random_truncation_variance


def of_every_later_mask(gradient, keep, strands, steps):
    """As of_every_mask; the edge of a strand's first step, which leads to no parameter, is always kept."""
    keep = np.broadcast_to(keep, steps)
    mean, square = 0, 0
    for mask in product([True, False], repeat=strands * (steps - 1)):
        later = np.reshape(mask, (strands, steps - 1))
        probability = np.where(later, keep[1:], 1 - keep[1:]).prod()
        if probability:
            truncation = RandomTruncation(keep)
            truncation.rng = Drawn(np.hstack([np.zeros((strands, 1)), np.where(later, 0.0, 1.0)]))
            found = gradient(truncation)
            mean, square = mean + probability * found, square + probability * (found**2).sum()
    return mean, square - (mean**2).sum()


STACKS = {
    "2 layers": {"num_layers": 2},
    "3 layers": {"num_layers": 3},
    "2 layers both ways": {"num_layers": 2, "bidirectional": True},
    "3 layers both ways": {"num_layers": 3, "bidirectional": True},
}


@pytest.mark.parametrize(
    ("cell", "steps", "kind"),
    [
        *((cell, steps, kind) for cell in CELLS for kind, steps in zip(STACKS, (4, 3, 2, 2), strict=True)),
        ("rnn tanh", 5, "2 layers"),
        ("gru after", 3, "2 layers both ways"),
    ],
)
def test_every_mask_of_a_stack(cell, steps, kind):
    options, keep = STACKS[kind], STEPS[:steps]
    found, gradient = ledger_and_gradient(cell, steps, np.array([steps - 1, steps]), **options)
    mean, variance = of_every_later_mask(gradient, keep, options["num_layers"] * (2 if "both" in kind else 1), steps)
    np.testing.assert_allclose(mean, gradient(), rtol=0, atol=1e-12 * np.abs(mean).max())
    assert random_truncation_variance(found, keep) == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
@every_cell
def test_edge_by_edge_and_by_crossings_agree(cell, bidirectional):
    found, _ = ledger_and_gradient(cell, 12, np.array([7, 12]), bidirectional=bidirectional)
    for keep in (0.9, np.linspace(0.2, 1, 12)):
        expected = random_truncation_variance(found, keep)
        assert random_truncation_variance(found._replace(crossing_norms=None), keep) == pytest.approx(
            expected, rel=1e-12
        )


@pytest.mark.parametrize("size", [3, 200])
def test_a_stack_of_two_directions_over_token_ids(size):
    """Two different stacks, each way one; with names, only these parameters' part."""
    layer = Bidirectional(
        LSTM(size, 2, dtype=np.float64, rng=0), GRU(size, 2, num_layers=2, dtype=np.float64, rng=1)
    )  # fmt: skip
    layer.params.flat[:] *= 2
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, size, (3, 2)), rng.normal(size=(3, 2, 4))
    tape = layer.forward(ids)[2]
    for names in (None, ("forward.W_hf", "backward.W_xn", "backward.b_r_l1")):
        mean, square = 0, 0
        for mask in product([0.0, 1.0], repeat=6):
            parts = iter([np.reshape([0, *mask[:2]], (1, 3)), np.insert(np.reshape(mask[2:], (2, 2)), 0, 0.0, axis=1)])
            truncation = RandomTruncation(0.5)
            truncation.rng = type("Parts", (), {"random": lambda self, shape, parts=parts: next(parts)})()
            grads = layer.backward(dy, tape, None, truncation)[2]
            found = np.concatenate([grads[name].reshape(-1) for name in names or grads])
            mean, square = mean + found / 64, square + (found**2).sum() / 64
        variance = square - (mean**2).sum()
        assert random_truncation_variance(ledger(layer, dy, tape, names=names), 0.5) == pytest.approx(
            variance, rel=1e-12
        )


def test_a_stacks_variance_is_of_the_ledger_as_it_was():
    layer = make("lstm", num_layers=2)
    data = given(layer, 4, 2)
    found = ledger(layer, data.dy, layer.forward(data.x)[2], pairs=False)
    with pytest.raises(MemoryError, match=r"this variance, with \d+ columns of noise, would need about .*; give fewer"):
        random_truncation_variance(found, 0.5, max_bytes=1000)
    layer.params.flat[:] *= 1.01
    with pytest.raises(ValueError, match=r"parameters .* since"):
        random_truncation_variance(found, 0.5)
