"""The body of `npseq inspect`: readings of a text, and gradients of a model in training."""

import numpy as np
import pytest

from npseq.commands.inspection import adjoints_while_training, case, in_float64, reading, stale_bias
from npseq.models import LanguageModel
from npseq.training import Run, TrainingConfig
from npseq.training.config import make_optimizer


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, 5, 60)


def test_a_reading_is_spread_over_the_text_and_warmed_up(ids):
    read = reading(np.arange(60), steps=4, batch_size=3)
    assert read.before[0].tolist() == [0, 25, 51]
    assert read.targets[-1].tolist() == [8, 33, 59]
    joined = np.concatenate([read.before, read.ids])
    np.testing.assert_array_equal(joined - joined[0], np.arange(8)[:, None] * np.ones(3, int))
    np.testing.assert_array_equal(read.targets, read.ids + 1)


def test_a_reading_that_does_not_fit_is_refused(ids):
    with pytest.raises(ValueError, match=r"the text must hold 2 \* steps \+ 1 = 61 tokens, half of them .*, got 60"):
        reading(ids, 30, 2)
    with pytest.raises(
        ValueError, match=r"steps and batch_size must be at least 1, .* at most the 60 tokens of the text, got 3 and 0"
    ):
        reading(ids, 3, 0)


@pytest.mark.parametrize("options", [{"cell": "gru"}, {"cell": "lstm", "num_layers": 2, "embedding_size": 3}])
def test_a_case_is_the_models_own_gradient_of_a_reading(ids, options):
    model = in_float64(LanguageModel(5, hidden_size=4, rng=1, **options))
    assert model.params.flat.dtype == np.float64
    read = reading(ids, 6, 2)
    found = case(model, read)
    _, _, grads = found.layer.backward(found.dy, found.tape)
    state = model.logits(read.before)[1]
    expected = model.loss(read.ids, read.targets, state)[1]
    for name in grads:
        np.testing.assert_allclose(grads[name], expected[f"recurrent.{name}"], rtol=0, atol=1e-15)


@pytest.mark.usefixtures("no_figure")
def test_adjoints_while_training_go_with_the_models_of_the_run(tmp_path, text):
    config = TrainingConfig(
        corpus=text, cell="rnn", hidden_size=6, batch_size=2, steps=6, epochs=2, bptt_every=3, truncation="random:0.9"
    )
    run = Run.begin(config, tmp_path / "run")
    read = reading(run.ids, 6, 2)
    models = [run.model.params.flat.copy()]
    for _ in run.epochs():
        models.append(run.model.params.flat.copy())
    seen = adjoints_while_training(config, run.ids, run.model.vocab, read, 2)
    for expected, (model, norms, _) in zip(models, seen, strict=True):
        assert model.params.flat.tobytes() == expected.tobytes()
        found = case(model, read)
        steps = []  # dL/dh_t by where the state is cut: of the first state of a window that begins after step t
        for t in range(1, 6):
            state = model.logits(np.concatenate([read.before, read.ids[:t]]))[1]
            tape = model.recurrent.forward(read.ids[t:], state)[2]
            later = model.recurrent.backward(found.dy[t:], tape)[1]
            steps.append(np.linalg.norm(later[0] + found.dy[t - 1]))
        np.testing.assert_allclose(norms[:5], steps, rtol=1e-4)
        assert norms.shape == (6,)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_what_an_update_makes_a_state_out_of_date_by(ids, optimizer):
    """Training twice by hand: over the first half, then a gradient of the second from the old and the new state."""
    config = TrainingConfig(cell="gru", hidden_size=4, optimizer=optimizer, clip=0.1)
    read = reading(ids, 6, 2)
    model = in_float64(LanguageModel(5, hidden_size=4, cell="gru", rng=1))
    given = model.params.flat.copy()
    found = stale_bias(model, read, config)
    np.testing.assert_array_equal(model.params.flat, given)
    text = np.concatenate([read.before, read.ids])
    optimizer = make_optimizer(config)
    carried = model.step(text[:6], text[1:7], None, optimizer, 0.1)[2]
    fresh = model.logits(text[:6])[1]
    flat = [
        np.concatenate([part.ravel() for name, part in model.loss(read.ids, read.targets, state)[1].items()
                        if name.startswith("recurrent.")])
        for state in (carried, fresh)
    ]  # fmt: skip
    assert found.norm == pytest.approx(np.linalg.norm(flat[0] - flat[1]), rel=1e-10)
    assert found.relative == pytest.approx(found.norm / np.linalg.norm(flat[1]), rel=1e-10)
    assert found.norm > 0
    model.params.flat[...] = given
    steps = optimizer.state_dict()
    assert (stale_bias(model, read, config, steps).norm != found.norm) == bool(optimizer.kinds())
    assert stale_bias(LanguageModel(5, hidden_size=2, bidirectional=True, rng=0), read, config) is None
