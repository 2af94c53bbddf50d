"""Lengths and masks: a mask is the sequences that it leaves, run one by one, in all that is done with a layer."""

import numpy as np
import pytest

import npseq as ns
from npseq.layers.lengths import check_lengths, check_steps, cut, has_step, last_steps, packed_order, within

T, B, D, H = 6, 5, 2, 3
MASK = np.array(  # left padding, a gap, nothing, everything, gaps at both ends
    [[0, 1, 0, 1, 0], [0, 1, 0, 1, 1], [1, 0, 0, 1, 0], [1, 0, 0, 1, 0], [1, 1, 0, 1, 1], [1, 1, 0, 1, 0]], bool
)
LENGTHS = np.array([4, 6, 0, 1, 3])
LAYERS = {
    "gru both ways": lambda: ns.GRU(D, H, num_layers=2, bidirectional=True, dtype=np.float64, rng=0),
    "lstm": lambda: ns.LSTM(D, H, num_layers=2, peepholes=True, proj_size=2, dtype=np.float64, rng=0),
    "lru": lambda: ns.Recurrent(ns.gallery.LRUCell(), D, H, dtype=np.float64, rng=0),
    "reversed": lambda: ns.layers.Reversed(ns.RNN(D, H, dtype=np.float64, rng=0)),
    "pair": lambda: ns.Bidirectional(ns.LSTM(D, H, dtype=np.float64, rng=0), ns.GRU(D, 2, dtype=np.float64, rng=1)),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def parts_of(state):
    """All arrays of a state, of a pair's as well."""
    return [array for part in state for array in parts_of(part)] if isinstance(state, tuple) else [state]


def like(state, rng, b=slice(None)):
    """Random numbers in the shape of a state, or the columns b of one."""
    if isinstance(state, tuple):
        return tuple(like(part, rng, b) for part in state)
    return state[:, b] if rng is None else rng.normal(size=state.shape)


def test_a_mask_whose_steps_come_first_is_lengths():
    mask = np.arange(T)[:, None] < LENGTHS
    np.testing.assert_array_equal(check_steps(mask, T, B), LENGTHS)
    np.testing.assert_array_equal(check_lengths(mask, T, B), LENGTHS)
    np.testing.assert_array_equal(check_steps(MASK, T, B), MASK)
    np.testing.assert_array_equal(has_step(MASK, T, B), MASK)
    np.testing.assert_array_equal(has_step(LENGTHS, T, B), mask)
    assert has_step(None, T, B).all()


def test_where_steps_lie():
    order, last = packed_order(MASK), last_steps(MASK)
    for b in range(B):
        own = np.flatnonzero(MASK[:, b])
        assert order[: len(own), b].tolist() == own.tolist()
        assert last[b] == (own[-1] if len(own) else -1)
        assert sorted(order[:, b]) == list(range(T))
    assert last_steps(np.zeros((0, 2), bool)).tolist() == [-1, -1]
    np.testing.assert_array_equal(cut(MASK, 2, 3), MASK[2:5])
    np.testing.assert_array_equal(cut(LENGTHS, 2, 3), [2, 3, 0, 0, 1])
    assert cut(None, 2, 3) is None
    assert np.isfinite(within(np.where(MASK, 1.0, np.nan), MASK)).all()


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (MASK.T, r"or a mask \(6, 5\) with a bool for each step of x, got bools \(5, 6\); give its transpose, mask.T"),
        (MASK[1:], r"lengths must be integers \(5,\), or a mask \(6, 5\) with a bool for each step of x, got bools"),
    ],
)
def test_a_mask_of_another_shape_is_refused(mask, text):
    with pytest.raises(ValueError, match=text):
        ns.GRU(D, H, rng=0).forward(np.zeros((T, B, D), np.float32), None, mask)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_mask_of_lengths_has_every_bit_of_lengths(kind, rng):
    layer, x = LAYERS[kind](), rng.normal(size=(T, B, D))
    found = []
    for given in (LENGTHS, np.arange(T)[:, None] < LENGTHS):
        y, last, tape = layer.forward(x, None, given)
        dx, dfirst, grads = layer.backward(np.ones_like(y), tape)
        found.append([y, *parts_of(last), dx, *parts_of(dfirst), grads.flat])
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(
            np.asarray(getattr(first, "flat", first)), np.asarray(getattr(second, "flat", second))
        )


@pytest.mark.parametrize("truncation", [None, ns.Truncated(2)])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_mask_is_its_sequences_one_by_one(kind, truncation, rng):
    """Each sequence's own steps, side by side in a batch of one; what lies at the others is no number."""
    layer, x = LAYERS[kind](), rng.normal(size=(T, B, D))
    given = like(layer.forward(x)[1], rng)
    y, last, tape = layer.forward(np.where(MASK[..., None], x, np.nan), given, MASK)
    dy, dlast = rng.normal(size=y.shape), like(last, rng)
    dx, dfirst, grads = layer.backward(np.where(MASK[..., None], dy, np.inf), tape, dlast, truncation)
    total = 0
    for b in range(B):
        own, one = MASK[:, b], slice(b, b + 1)
        y_b, last_b, tape_b = layer.forward(x[own][:, one], like(given, None, one))
        dx_b, dfirst_b, grads_b = layer.backward(dy[own][:, one], tape_b, like(dlast, None, one), truncation)
        total = total + grads_b.flat
        for found, wanted in ((y, y_b), (dx, dx_b)):
            np.testing.assert_allclose(found[own, b], wanted[:, 0], rtol=1e-12, atol=1e-14)
            assert not found[~own, b].any()
        for found, wanted in ((last, last_b), (dfirst, dfirst_b)):
            for part, part_b in zip(parts_of(found), parts_of(wanted), strict=True):
                np.testing.assert_allclose(part[:, b], part_b[:, 0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(grads.flat, total, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_entry_is_that_of_a_complex_step(kind, rng):
    layer, x = LAYERS[kind](), rng.normal(size=(T, B, D))
    assert ns.gradcheck_layer(layer, x, None, MASK).max_error < 1e-12
    if kind != "gru both ways":  # in a stack of both directions no frozen state has a truncated gradient
        report = ns.gradcheck_layer(layer, x, None, MASK, truncation=ns.Truncated(2))
        assert report.passed, str(report)
    assert ns.gradcheck_layer(
        ns.LSTM(D, H, num_layers=2, dropout=0.5, rng=0), x, None, MASK, truncation=ns.Truncated(2)
    )


def test_a_wrong_gradient_is_placed_at_its_step(rng, monkeypatch):
    """A backward that forgets what the last step of each sequence passes on."""
    layer, x = ns.RNN(D, H, dtype=np.float64, rng=0), rng.normal(size=(T, B, D))
    right = ns.RNN.backward

    def wrong(self, dy, tape, *others, **options):
        dx, dstate, grads = right(self, dy, tape, *others, **options)
        return np.where((np.arange(T) == 2)[:, None, None], 1.5 * dx, dx), dstate, grads

    monkeypatch.setattr(ns.RNN, "backward", wrong)
    report = ns.gradcheck_layer(layer, x, None, MASK)
    assert not report
    assert "step" in report.note


def packed(x, mask=MASK):
    """Steps (T, B, ...) moved to the front of each sequence, and the lengths."""
    order = packed_order(mask)
    return np.take_along_axis(x, order[..., None], 0), mask.sum(axis=0)


@pytest.mark.parametrize("kind", ["lstm", "lru"])
def test_a_ledger_and_spectra_are_those_of_the_packed_sequences(kind, rng):
    layer, x = LAYERS[kind](), rng.normal(size=(T, B, D))
    y, last, tape = layer.forward(x, None, MASK)
    dy, dlast = rng.normal(size=y.shape), like(last, rng)
    x_p, lengths = packed(x)
    tape_p = layer.forward(x_p, None, lengths)[2]
    found = ns.inspect.ledger(layer, dy, tape, dlast)
    wanted = ns.inspect.ledger(layer, packed(dy)[0], tape_p, dlast)
    for name, value in wanted.gradient.items():
        np.testing.assert_allclose(found.per_lag[name], wanted.per_lag[name], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(found.per_example[name], wanted.per_example[name], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(found.per_step[name].sum(axis=0), value, rtol=1e-11, atol=1e-13)
    for name, value in wanted.adjoints.items():
        np.testing.assert_allclose(packed(found.adjoints[name])[0], value, rtol=1e-11, atol=1e-13)
    for of, options in ((ns.inspect.jacobian_spectrum, {}), (ns.inspect.lyapunov_exponents, {"count": 3})):
        pair = of(layer, tape, **options), of(layer, tape_p, **options)
        for a, b in zip(*(p[:2] if isinstance(p, tuple) else (p,) for p in pair), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("both", [False, True])
def test_tables_of_pairs_of_one_sequence_are_those_without_its_gaps(both, rng):
    layer = ns.GRU(D, H, bidirectional=both, dtype=np.float64, rng=0)
    mask, x = np.array([0, 1, 1, 0, 1, 0], bool), rng.normal(size=(T, 1, D))
    y, last, tape = layer.forward(x, None, mask[:, None])
    dy, dlast = rng.normal(size=y.shape), rng.normal(size=last.shape)
    found = ns.inspect.ledger(layer, dy, tape, dlast)
    wanted = ns.inspect.ledger(layer, dy[mask], layer.forward(x[mask])[2], dlast)
    np.testing.assert_allclose(found.pair_norms[mask][:, mask], wanted.pair_norms, rtol=1e-11, atol=1e-13)
    assert not found.pair_norms[~mask].any()
    for d, (whole, part) in enumerate(zip(found.crossing_norms, wanted.crossing_norms, strict=True)):
        own = mask[::-1] if d else mask
        np.testing.assert_allclose(whole[own][:, own], part, rtol=1e-11, atol=1e-13)


def test_a_penalty_on_what_vanishes_counts_no_gap(rng):
    layer, x = ns.RNN(D, H, dtype=np.float64, rng=0), rng.normal(size=(T, B, D))
    y, _, tape = layer.forward(x, None, MASK)
    dy = rng.normal(size=y.shape)
    x_p, lengths = packed(x)
    found = ns.inspect.vanishing_penalty(layer, dy, tape)
    wanted = ns.inspect.vanishing_penalty(layer, packed(dy)[0], layer.forward(x_p, None, lengths)[2])
    assert found.value == pytest.approx(wanted.value, rel=1e-12)
    np.testing.assert_allclose(found.grads.flat, wanted.grads.flat, rtol=1e-10, atol=1e-12)


def test_forward_in_time_and_in_pieces(rng):
    layer, x = LAYERS["lstm"](), rng.normal(size=(T, B, D))
    y, last, tape = layer.forward(x, None, MASK)
    dy, dlast = rng.normal(size=y.shape), like(last, rng)
    dx, _, grads = layer.backward(dy, tape, dlast)
    online = ns.rtrl(layer, x, dy, None, MASK, dlast)
    pieces = ns.checkpointed(layer, x, dy, None, MASK, dlast)
    for found in (online.grads, pieces.grads):
        np.testing.assert_allclose(found.flat, grads.flat, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(pieces.dx, dx)
    np.testing.assert_array_equal(online.y, y)


def test_resets_within_a_mask(rng):
    """A reset at a step that is there begins a sequence; one at a gap has no effect."""
    layer, x = ns.GRU(D, H, dtype=np.float64, rng=0), rng.normal(size=(T, B, D))
    resets = np.zeros((T, B), bool)
    resets[[4, 2], [0, 1]] = True  # the second at a gap
    y, last, tape = layer.forward(x, None, MASK, resets=resets)
    cut_off = np.where(np.arange(T)[:, None] < 4, False, MASK)
    fresh = layer.forward(x, None, cut_off)
    whole = layer.forward(x, None, MASK)
    np.testing.assert_allclose(y[4:, 0], fresh[0][4:, 0], rtol=1e-12)
    np.testing.assert_allclose(y[:4, 0], whole[0][:4, 0], rtol=1e-12)
    np.testing.assert_allclose(y[:, 1:], whole[0][:, 1:], rtol=1e-12)
    np.testing.assert_allclose(last[:, 1:], whole[1][:, 1:], rtol=1e-12)
    dx = layer.backward(np.where((np.arange(T) == 5)[:, None, None], 1.0, np.zeros_like(y)), tape)[0]
    assert not dx[:4, 0].any()
    assert dx[4, 0].any()
    assert dx[:, 1][MASK[:, 1]].any(axis=1).all()


def test_models_count_the_steps_that_are_there(rng):
    """Padding on the left has the loss, the gradients and the answers of padding on the right."""
    lengths = np.array([4, 2, 6, 3])
    ids, targets = rng.integers(0, 9, (2, T, 4))
    left = np.arange(T)[::-1, None] < lengths

    def moved(steps):
        return np.stack([np.roll(steps[:, b], T - n) for b, n in enumerate(lengths)], axis=1)

    embedding, layer = (
        ns.Embedding(9, D, dtype=np.float64, rng=0),
        ns.LSTM(D, H, bidirectional=True, dtype=np.float64, rng=0),
    )
    tagger = ns.models.Tagger(layer, 9, embedding=embedding, rng=0)
    classifier = ns.models.Classifier(layer, 9, embedding=embedding, rng=0)
    language = ns.LanguageModel(9, cell="gru", hidden_size=H, dtype=np.float64, rng=0)
    for loss in (
        lambda x, y, lengths: tagger.loss(x, y, lengths),
        lambda x, y, lengths: classifier.loss(x, targets[0], lengths),
        lambda x, y, lengths: language.loss(x, y, None, lengths=lengths)[:2],
    ):
        right, moved_left = loss(ids, targets, lengths), loss(moved(ids), moved(targets), left)
        assert moved_left[0] == pytest.approx(right[0], rel=1e-12)
        np.testing.assert_allclose(moved_left[1].flat, right[1].flat, rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(classifier.predict(moved(ids), left), classifier.predict(ids, lengths))
    assert language.loss(ids, targets, None, lengths=MASK[:, [0, 1, 3, 4]])[0] > 0


def test_what_has_to_begin_at_the_first_step_refuses_gaps(rng):
    language, ids = ns.LanguageModel(9, cell="gru", hidden_size=H, rng=0), rng.integers(0, 9, (T, B))
    for call in (lambda: language.log_probs(ids, MASK), lambda: language.loss(None, ids, None, lengths=MASK)):
        with pytest.raises(ValueError, match="lengths must say where sequences end, got a mask with steps after a gap"):
            call()
    layer, x = ns.RNN(D, H, rng=0), np.zeros((T, B, D), np.float32)
    y, _, tape = layer.forward(x, None, MASK)
    with pytest.raises(ValueError, match="got a mask with steps after a gap; move each sequence's to the front"):
        ns.diagnose(layer, x, y, layer.backward(y, tape)[2], lengths=MASK)
