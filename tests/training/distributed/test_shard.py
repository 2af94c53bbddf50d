"""The gradient of all ranks' columns is that of one process, and every rank has the same bits."""

import numpy as np
import pytest
from training.distributed.thread_ranks import config_of, hundred_losses, on_ranks, succeeded

import npseq as ns
from npseq.training import Run
from npseq.training.distributed.ranks import FailedAtRoot, shared_run
from npseq.training.distributed.shard import Shard, ShardDropout, check_shares


@pytest.mark.parametrize("size", [2, 5])
def test_a_hundred_steps_are_those_of_one_process(size):
    expected = hundred_losses(None)
    assert (expected[:, 1] > 0.05).all()  # every step is clipped
    found = succeeded(on_ranks(size, lambda rank: hundred_losses(Shard(rank, 7))))
    for rows in found:
        np.testing.assert_array_equal(rows, found[0])
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-10)


def test_the_mean_of_unweighted_ranks_would_be_another():
    """The oracle of the weights: shares of 2, 2 and 3 columns, each counted as a third, are off."""
    expected = hundred_losses(None)

    def equal(rank):
        shard = Shard(rank, 7)
        shard.weight = 1 / 3
        return hundred_losses(shard)

    found = succeeded(on_ranks(3, equal))
    assert abs(found[0] - expected).max() > 1e-4


def test_one_sum_a_step_of_loss_gradient_and_whether_to_stop():
    model = ns.LanguageModel(11, "gru", 6, rng=0)

    def work(rank):
        shard = Shard(rank, 4)
        ids = np.zeros((3, 4), int)[:, shard.columns]
        for _ in range(5):
            twin = ns.LanguageModel(11, "gru", 6, rng=0)
            twin.step(ids, ids, None, ns.SGD(0.1), 1.0, all_reduce=shard.all_reduce)
        return rank.calls

    for calls in succeeded(on_ranks(2, work)):
        assert calls == [("add", model.params.flat.size + 2)] * 5


def test_shares_are_next_to_each_other_and_cover_the_batch():
    shares = [shard.columns for shard in succeeded(on_ranks(3, lambda rank: Shard(rank, 32)))]
    assert [(share.start, share.stop) for share in shares] == [(0, 10), (10, 21), (21, 32)]
    weights = [shard.weight for shard in succeeded(on_ranks(3, lambda rank: Shard(rank, 32)))]
    assert sum(weights) == pytest.approx(1, rel=1e-15)
    with pytest.raises(ValueError, match="got batch_size 2 for 3 ranks; take a larger batch or fewer ranks"):
        check_shares(2, 3)


def test_dropout_of_a_share_is_that_of_its_columns():
    whole = ns.Dropout(0.5, np.random.default_rng(0)).draw(np.ones((3, 5)))
    shares = on_ranks(2, lambda rank: ShardDropout(0.5, np.random.default_rng(0), Shard(rank, 5)).draw(np.ones((3, 1))))
    np.testing.assert_array_equal(np.concatenate(succeeded(shares), axis=1), whole)


def test_one_rank_that_was_asked_to_stop_stops_all_after_the_same_sum():
    model = ns.LanguageModel(5, "rnn", 3, rng=0)

    def work(rank):
        shard, asked = Shard(rank, 2), [False, rank.rank == 1, False]
        stop, answers = shard.agreed(lambda: asked.pop(0)), []
        grads = model.params.like(np.zeros_like(model.params.flat))
        for _ in range(3):
            shard.all_reduce(np.float32(0), grads)
            answers.append(stop())
        return answers

    assert succeeded(on_ranks(2, work)) == [[False, True, False]] * 2


def test_a_state_keeps_its_bits_on_the_way():
    state = np.array([-0.0, 0.0, 1e-45, -1.5, 3.0], np.float32).reshape(1, 5, 1)

    def work(rank):
        shard = Shard(rank, 5)
        return shard.all_columns(shard.own_columns(state))

    for whole in succeeded(on_ranks(3, work)):
        assert whole.tobytes() == state.tobytes()


def test_every_rank_needs_a_sequence(tmp_path, text_file):
    def begin():
        return Run.begin(config_of(text_file, batch_size=2), tmp_path / "out")

    results = on_ranks(3, lambda rank: shared_run(rank, begin, tmp_path / "out"))
    assert isinstance(results[0], ValueError)
    assert "batch_size 2 for 3 ranks; take a larger batch or fewer ranks" in str(results[0])
    assert [(type(r), r.code) for r in results[1:]] == [(FailedAtRoot, 2)] * 2


def test_parameters_that_drift_apart_are_noticed(capsys):
    def work(rank):
        Shard(rank, 2).check_alike(np.array([1.0, 2.0 + rank.rank * 1e-15]))

    results = on_ranks(2, work)
    assert results[0] is None
    with pytest.raises(RuntimeError, match=r"those here are not those of rank 0; ranks must run on processors of one"):
        raise results[1]
