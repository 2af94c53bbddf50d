"""Threads act as ranks: each has a communicator, and all meet at a barrier."""

import threading
from pathlib import Path

import numpy as np
import pytest
from training.plain_runs import PLAIN

import npseq as ns
from npseq.training import Interrupted, Run, TrainingConfig
from npseq.training.distributed.ranks import shared_run
from npseq.training.distributed.shard import Shard


class Stopped(Exception):
    pass


class Threads:
    """Ranks that are threads: each call meets at a barrier; sums go in the order of the ranks."""

    def __init__(self, size: int):
        self.size, self.barrier, self.given = size, threading.Barrier(size, timeout=20), [None] * size

    def exchange(self, rank: int, value):
        self.given[rank] = value
        self.barrier.wait()
        found = list(self.given)
        self.barrier.wait()
        return found


class ThreadRank:
    local_size = 1

    def __init__(self, threads: Threads, rank: int):
        self.threads, self.rank, self.size, self.calls = threads, rank, threads.size, []
        self.local_rank = rank

    def add(self, array):
        self.calls.append(("add", array.size))
        array[...] = sum(self.threads.exchange(self.rank, array.copy()))

    def broadcast(self, payload):
        self.calls.append(("broadcast", len(payload)))
        return self.threads.exchange(self.rank, payload)[0]

    def least(self, value):
        return min(self.threads.exchange(self.rank, value))

    def stop(self, status):
        self.threads.barrier.abort()
        raise Stopped(status)


def on_ranks(size: int, work) -> list:
    """What work(communicator) returns, or raises, on each of `size` ranks."""
    threads, results = Threads(size), [None] * size

    def one(rank):
        try:
            results[rank] = work(ThreadRank(threads, rank))
        except BaseException as error:
            results[rank] = error

    running = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


def succeeded(results: list) -> list:
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def config_of(text_file: Path, **options) -> TrainingConfig:
    return TrainingConfig(
        **{
            **PLAIN,
            "corpus": str(text_file),
            "hidden_size": 8,
            "epochs": 3,
            "batch_size": 7,
            "steps": 6,
            "seed": 3,
            **options,
        }
    )


def hundred_losses(shard: Shard | None, cell: str = "lstm") -> np.ndarray:
    """(100, 2): loss and norm of each step, the state carried, on a batch of 7; the clip acts."""
    rng = np.random.default_rng(5)
    model = ns.LanguageModel(11, cell, 6, 2, dropout=0.3, embedding_size=4, dtype=np.float64, rng=rng)
    if shard is not None:
        shard.split_dropout(model)
    text = np.random.default_rng(6).integers(0, 11, (101 * 5, 7))
    windows = ((text[k : k + 5], text[k + 1 : k + 6]) for k in range(0, 500, 5))
    join = None if shard is None else shard.all_reduce
    optimizer, state, rows = ns.SGD(0.5), None, []
    for x, y in windows if shard is None else shard.own(windows):
        loss, norm, state = model.step(x, y, state, optimizer, 0.05, all_reduce=join)
        rows.append((float(loss), float(norm)))
    return np.array(rows)


def train_on(size: int, start, out: Path, epochs: int | None = None) -> list:
    """Runs of all ranks, trained to the end or for so many epochs."""

    def work(rank):
        run = shared_run(rank, start, out)
        for k, _ in enumerate(run.epochs(), 1):
            if k == epochs:
                break
        return run

    return succeeded(on_ranks(size, work))


def stop_on(size: int, asked: dict[int, int], start, out: Path) -> list:
    """Runs of all ranks, stopped: rank r is asked to after its asked[r]-th step; and where each stopped."""

    def work(rank):
        steps = []
        run = shared_run(rank, start, out)
        stop = lambda: len(steps) + 1 >= asked.get(rank.rank, 10**9)  # noqa: E731
        with pytest.raises(Interrupted) as caught:
            for _ in run.epochs(on_step=lambda _: steps.append(0), stop=stop):
                pass
        return run, caught.value.position

    return succeeded(on_ranks(size, work))


def lead(run: Run) -> None:
    for _ in run.epochs():
        pass
