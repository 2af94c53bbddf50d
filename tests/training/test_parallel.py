"""Data-parallel training: the arithmetic on threads that stand in for ranks, and two real processes of mpiexec."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import npseq as ns
from npseq.cli import main
from npseq.training import Interrupted, NonFiniteLoss, Run, TrainingConfig, load_checkpoint, train
from npseq.training.distributed import mpi as launcher
from npseq.training.distributed.ranks import FailedAtRoot, shared_run, train_together
from npseq.training.distributed.shard import Shard

pytestmark = pytest.mark.usefixtures("no_figure")


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
    on_this_machine = 1

    def __init__(self, threads: Threads, rank: int):
        self.threads, self.rank, self.size, self.calls = threads, rank, threads.size, []
        self.place = rank

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
        **{"corpus": str(text_file), "hidden": 8, "epochs": 3, "batch_size": 7, "steps": 6, "seed": 3, **options}
    )


def hundred_losses(shard: Shard | None, cell: str = "lstm") -> np.ndarray:
    """(100, 2): loss and norm of each step, the state carried, on a batch of 7; the clip acts."""
    rng = np.random.default_rng(5)
    model = ns.LanguageModel(11, cell, 6, 2, dropout=0.3, embedding_size=4, dtype=np.float64, rng=rng)
    if shard is not None:
        shard.split_dropout(model)
    text = np.random.default_rng(6).integers(0, 11, (101 * 5, 7))
    windows = ((text[k : k + 5], text[k + 1 : k + 6]) for k in range(0, 500, 5))
    join = None if shard is None else shard.join
    optimizer, state, rows = ns.SGD(0.5), None, []
    for x, y in windows if shard is None else shard.own(windows):
        loss, norm, state = model.step(x, y, state, optimizer, 0.05, all_reduce=join)
        rows.append((float(loss), float(norm)))
    return np.array(rows)


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
            twin.step(ids, ids, None, ns.SGD(0.1), 1.0, all_reduce=shard.join)
        return rank.calls

    for calls in succeeded(on_ranks(2, work)):
        assert calls == [("add", model.params.flat.size + 2)] * 5


KINDS = [
    {"cell": "rnn", "clip": 0.05},
    {"cell": "gru", "optimizer": "adam", "sampling": "random", "bidirectional": True, "evaluate_every": 2},
    {"cell": "lstm", "layers": 2, "dropout": 0.5, "bptt_every": 3, "bptt_steps": 5, "truncation": "random:0.8"},
    {"cell": "lstm", "token": "word", "batch_size": 3, "steps": 2, "embedding": 4, "optimizer": "rmsprop"},
]


def train_on(size: int, start, out: Path, epochs: int | None = None) -> list:
    """Runs of all ranks, trained to the end or for so many epochs."""

    def work(rank):
        run = shared_run(rank, start, out)
        for k, _ in enumerate(run.epochs(), 1):
            if k == epochs:
                break
        return run

    return succeeded(on_ranks(size, work))


@pytest.mark.parametrize("options", KINDS)
def test_a_run_on_three_ranks_is_that_of_one_process(tmp_path, text_file, options):
    config = config_of(text_file, dtype="float64", **options)
    alone = train(config, tmp_path / "alone")
    runs = train_on(3, lambda: Run.begin(config, tmp_path / "three"), tmp_path / "three")
    for run in runs:
        np.testing.assert_array_equal(run.model.params.flat, runs[0].model.params.flat)
        np.testing.assert_allclose(run.model.params.flat, alone.model.params.flat, rtol=0, atol=1e-10)
        assert run.rng.bit_generator.state == alone.rng.bit_generator.state
    rows = [
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("alone", "three")
    ]
    for one, three in zip(*rows, strict=True):
        assert one.keys() == three.keys()
        for name in one.keys() - {"tokens_per_second"}:
            assert one[name] == pytest.approx(three[name], rel=0, abs=1e-10)


def test_resume_on_another_number_of_ranks(tmp_path, text_file):
    config = config_of(text_file, dtype="float64", cell="lstm", layers=2, dropout=0.2, optimizer="adam", epochs=4)
    alone = train(config, tmp_path / "alone")
    out = tmp_path / "several"
    train_on(3, lambda: Run.begin(config, out), out, epochs=2)
    assert len(load_checkpoint(out / "model.safetensors").metrics) == 2
    train_on(2, lambda: Run.resume(out), out, epochs=1)
    (run,) = train_on(1, lambda: Run.resume(out), out)
    assert [m.epoch for m in run.metrics] == [1, 2, 3, 4]
    np.testing.assert_allclose(run.model.params.flat, alone.model.params.flat, rtol=0, atol=1e-10)


def stop_on(size: int, asked: dict[int, int], start, out: Path) -> list:
    """Runs of all ranks, stopped: rank r is asked to after its asked[r]-th step; and where each stopped."""

    def work(rank):
        steps = []
        run = shared_run(rank, start, out)
        with pytest.raises(Interrupted) as caught:
            for _ in run.epochs(lambda: steps.append(0), stop=lambda: len(steps) + 1 >= asked.get(rank.rank, 10**9)):
                pass
        return run, caught.value.position

    return succeeded(on_ranks(size, work))


@pytest.mark.parametrize("options", [KINDS[1], KINDS[2], {"cell": "lstm", "sampling": "sequential"}])
def test_all_ranks_stop_after_the_step_in_which_one_was_asked_to(tmp_path, text_file, options):
    config = config_of(text_file, **options)
    train_on(3, lambda: Run.begin(config, tmp_path / "straight"), tmp_path / "straight")
    expected, out = load_checkpoint(tmp_path / "straight" / "model.safetensors"), tmp_path / "cut"
    start = lambda: Run.resume(out) if out.exists() else Run.begin(config, out)  # noqa: E731
    for asked, steps in (({1: 2, 2: 4}, 2), ({0: 1}, 3)):
        stopped = stop_on(3, asked, start, out)
        positions = [position for _, position in stopped]
        assert [position.step for position in positions] == [steps] * 3
        kept = load_checkpoint(out / "model.safetensors").position
        for whole in (kept, *positions):  # of all 7 columns, on every rank
            for one, other in zip(np.atleast_1d(whole.state), np.atleast_1d(kept.state), strict=True):
                assert one.shape[-2] == 7
                assert one.tobytes() == other.tobytes()
    train_on(3, start, out)
    found = load_checkpoint(out / "model.safetensors")
    assert found.model.params.flat.tobytes() == expected.model.params.flat.tobytes()
    assert found.rng.bit_generator.state == expected.rng.bit_generator.state
    assert [m[:4] for m in found.metrics] == [m[:4] for m in expected.metrics]


def test_a_stopped_epoch_goes_on_on_another_number_of_ranks(tmp_path, text_file):
    config = config_of(text_file, dtype="float64", cell="lstm", layers=2, dropout=0.2, optimizer="adam")
    alone, out = train(config, tmp_path / "alone"), tmp_path / "several"
    stop_on(3, {2: 2}, lambda: Run.begin(config, out), out)
    stop_on(1, {0: 1}, lambda: Run.resume(out), out)
    runs = train_on(2, lambda: Run.resume(out), out)
    np.testing.assert_allclose(runs[0].model.params.flat, alone.model.params.flat, rtol=0, atol=1e-10)
    np.testing.assert_allclose([m.loss for m in runs[0].metrics], [m.loss for m in alone.metrics], rtol=0, atol=1e-10)


def test_a_state_keeps_its_bits_on_the_way():
    state = np.array([-0.0, 0.0, 1e-45, -1.5, 3.0], np.float32).reshape(1, 5, 1)

    def work(rank):
        shard = Shard(rank, 5)
        return shard.all_columns(shard.own_columns(state))

    for whole in succeeded(on_ranks(3, work)):
        assert whole.tobytes() == state.tobytes()


def test_ranks_that_were_asked_to_stop_leave_together(tmp_path, text_file, capsys):
    def work(rank):
        run = shared_run(rank, lambda: Run.begin(config_of(text_file), tmp_path / "out"), tmp_path)
        epochs, steps = run.epochs, []
        ask = rank.rank == 1
        run.epochs = lambda **options: epochs(lambda: steps.append(0), stop=lambda: ask and len(steps) == 3)
        train_together(run, rank, lead)

    results = on_ranks(2, work)
    assert isinstance(results[0], Interrupted)
    assert isinstance(results[1], SystemExit)
    assert results[1].code == 130
    assert not capsys.readouterr().err
    assert load_checkpoint(tmp_path / "out" / "model.safetensors").position.step == 4


def test_only_rank_0_touches_the_folder(tmp_path, text_file):
    """The others, which are told of a folder that cannot be, train on without a look at it."""
    config, out = config_of(text_file, epochs=2), tmp_path / "out"

    def work(rank):
        run = shared_run(rank, lambda: Run.begin(config, out), out if rank.rank == 0 else text_file / "no folder")
        return run, list(run.epochs())

    runs = succeeded(on_ranks(2, work))
    assert [run.shard.writes for run, _ in runs] == [True, False]
    assert [len(epochs) for _, epochs in runs] == [2, 2]
    lines = (out / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    assert len(load_checkpoint(out / "model.safetensors").metrics) == 2


def test_every_rank_needs_a_sequence(tmp_path, text_file):
    def begin():
        return Run.begin(config_of(text_file, batch_size=2), tmp_path / "out")

    results = on_ranks(3, lambda rank: shared_run(rank, begin, tmp_path / "out"))
    assert isinstance(results[0], ValueError)
    assert "batch_size 2 for 3 ranks; take a larger batch or fewer ranks" in str(results[0])
    assert [(type(r), r.code) for r in results[1:]] == [(FailedAtRoot, 2)] * 2


def test_what_cannot_start_is_said_on_rank_0_alone(tmp_path):
    def begin():
        raise FileExistsError("there is a run")

    results = on_ranks(2, lambda rank: shared_run(rank, begin, tmp_path))
    assert isinstance(results[0], FileExistsError)
    assert isinstance(results[1], FailedAtRoot)


def lead(run: Run) -> None:
    for _ in run.epochs():
        pass


def test_a_rank_that_fails_stops_all_and_the_checkpoint_is_whole(tmp_path, text_file, capsys):
    out = tmp_path / "out"

    def work(rank):
        run = shared_run(rank, lambda: Run.begin(config_of(text_file, epochs=50), out), out)
        if rank.rank == 1:
            step, count = run.model.step, [0]

            def fails_later(*args, **options):
                count[0] += 1
                if count[0] == 20:
                    raise MemoryError("no room for the tape")
                return step(*args, **options)

            run.model.step = fails_later
        train_together(run, rank, lead)

    results = on_ranks(2, work)
    assert isinstance(results[1], Stopped)
    assert "rank 1 of 2 stopped, and all others with it: MemoryError: no room for the tape" in capsys.readouterr().err
    done = len(load_checkpoint(out / "model.safetensors").metrics)
    assert 0 < done < 50
    assert len(Run.resume(out).metrics) == done


def test_a_loss_that_is_not_finite_meets_all_ranks(tmp_path, text_file, capsys):
    config = config_of(text_file, lr=1e30, clip=None, cell="rnn", nonlinearity="relu", epochs=9)

    def work(rank):
        train_together(shared_run(rank, lambda: Run.begin(config, tmp_path / "out"), tmp_path), rank, lead)

    results = on_ranks(2, work)
    assert isinstance(results[0], NonFiniteLoss)
    assert isinstance(results[1], SystemExit)
    assert results[1].code == 1
    assert not capsys.readouterr().err


def test_a_trace_needs_one_process(tmp_path, text_file, monkeypatch, capsys):
    """It looks at one rank's sequences, and after every update, so that this rank would leave the others waiting."""

    def work(rank):
        monkeypatch.setattr(launcher, "join_launched", lambda mpi: rank)
        return main(["train", "--text", str(text_file), "--out", str(tmp_path / "out"), "--trace-nonfinite"])

    assert on_ranks(1, work) == [2]
    assert "--trace-nonfinite needs one process, where all sequences" in capsys.readouterr().err


def test_parameters_that_drift_apart_are_noticed(capsys):
    def work(rank):
        Shard(rank, 2).check_alike(np.array([1.0, 2.0 + rank.rank * 1e-15]))

    results = on_ranks(2, work)
    assert results[0] is None
    with pytest.raises(RuntimeError, match=r"those here are not those of rank 0; ranks must run on processors of one"):
        raise results[1]


def test_the_launcher_is_known_by_its_environment(monkeypatch):
    assert launcher.launched_size({}) is None
    assert launcher.launched_size({"PMI_SIZE": "4"}) == 4
    assert launcher.launched_size({"OMPI_COMM_WORLD_SIZE": "2"}) == 2
    for name in launcher.SIZES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert launcher.join_launched() is None  # alone: mpi4py is not looked for
    monkeypatch.setenv("PMI_SIZE", "1")
    assert launcher.join_launched() is None


@pytest.mark.parametrize(("size", "flags", "several"), [("4", [], "4"), (None, ["--mpi"], "several")])
def test_a_missing_mpi4py_names_the_extra(monkeypatch, capsys, tmp_path, size, flags, several):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.delenv("PMI_SIZE", raising=False)
    if size:
        monkeypatch.setenv("PMI_SIZE", size)
    assert main(["train", "--out", str(tmp_path / "out"), *flags]) == 2
    told = capsys.readouterr().err
    assert f"training in {several} processes that find each other by MPI needs mpi4py" in told
    assert "pip install 'npseq[mpi]'" in told
    assert not (tmp_path / "out").exists()


def test_an_mpiexec_of_another_installation_is_noticed(monkeypatch):
    class Alone:
        class COMM_WORLD:
            @staticmethod
            def Get_size():
                return 1

    monkeypatch.setitem(sys.modules, "mpi4py", type(sys)("mpi4py"))
    sys.modules["mpi4py"].MPI = Alone
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(RuntimeError, match="mpiexec started 2 processes, the library sees 1; take the mpiexec that"):
        launcher.join_launched()


# -- real processes ---------------------------------------------------------------------------------------------------

MPIEXEC = Path(sys.executable).parent / "mpiexec"


@pytest.fixture
def mpiexec() -> str:
    pytest.importorskip("mpi4py")
    found = str(MPIEXEC) if MPIEXEC.exists() else shutil.which("mpiexec")
    if found is None:
        pytest.skip("no mpiexec")
    return found


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "npseq", "train", *arguments]


def train_flags(text_file: Path, out: Path, **options) -> list[str]:
    given = {"text": text_file, "out": out, "hidden": 8, "epochs": 4, "batch_size": 7, "steps": 6, "dtype": "float64"}
    return [f"--{name.replace('_', '-')}={value}" for name, value in {**given, **options}.items()]


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_of_mpiexec(tmp_path, text_file, mpiexec):
    options = {"cell": "lstm", "layers": 2, "dropout": 0.3, "clip": 0.1}
    alone = subprocess.run(
        command(*train_flags(text_file, tmp_path / "alone", **options)), capture_output=True, text=True
    )
    two = subprocess.run(
        [mpiexec, "-n", "2", *command(*train_flags(text_file, tmp_path / "two", **options))],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (alone.returncode, two.returncode) == (0, 0), two.stderr
    assert two.stdout.count("perplexity") == alone.stdout.count("perplexity")  # one rank speaks
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "alone"), rtol=0, atol=1e-10)
    again = ["--resume", str(tmp_path / "two"), "--epochs", "6"]
    three = subprocess.run([mpiexec, "-n", "3", *command(*again)], capture_output=True, text=True, timeout=120)
    assert three.returncode == 0, three.stderr
    assert (
        subprocess.run(command("--resume", str(tmp_path / "alone"), "--epochs", "6"), capture_output=True).returncode
        == 0
    )
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "alone"), rtol=0, atol=1e-10)


@pytest.mark.slow
def test_a_killed_process_ends_all_and_the_run_goes_on_alone(tmp_path, text_file, mpiexec):
    out = tmp_path / "out"
    code = (
        "import os, signal, sys; from npseq.training import loop; from npseq.cli import main\n"
        "step, count = loop._Watch.add, [0]\n"
        "def add(*a):\n"
        "    count[0] += 1\n"
        "    if count[0] == 40 and os.environ['PMI_RANK'] == '1': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return step(*a)\n"
        "loop._Watch.add = add\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    started = [mpiexec, "-n", "2", sys.executable, "-c", code, "train", *train_flags(text_file, out, epochs=500)]
    result = subprocess.run(started, capture_output=True, text=True, timeout=120)
    assert result.returncode != 0
    assert "KILLED" in (result.stdout + result.stderr).upper()
    done = len(load_checkpoint(out / "model.safetensors").metrics)
    assert 0 < done < 500
    resumed = subprocess.run(
        command("--resume", str(out), "--epochs", "500", "--quiet"), capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
    assert len(losses(out)) == 500


@pytest.mark.slow
def test_an_interrupt_ends_all_after_the_same_step_and_the_run_goes_on(tmp_path, text_file, mpiexec):
    out = tmp_path / "out"
    started = [mpiexec, "-n", "2", *command(*train_flags(text_file, out, epochs=100_000), "--quiet")]
    running = subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if (out / "metrics.jsonl").exists() and (out / "metrics.jsonl").read_text().count("\n") > 3:
            break
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert told.count("npseq: interrupted; ") == 1
    assert f"are saved; go on with: npseq train --resume {out}" in told
    epochs = len(load_checkpoint(out / "model.safetensors").metrics) + 2
    assert epochs > 5
    straight = command(*train_flags(text_file, tmp_path / "straight", epochs=epochs), "--quiet")
    for arguments in (command("--resume", str(out), "--epochs", str(epochs), "--quiet"), straight):
        subprocess.run([mpiexec, "-n", "2", *arguments], capture_output=True, check=True, timeout=120)
    one, other = (load_checkpoint(folder / "model.safetensors") for folder in (out, tmp_path / "straight"))
    assert one.model.params.flat.tobytes() == other.model.params.flat.tobytes()
    assert losses(out) == losses(tmp_path / "straight")


@pytest.mark.slow
def test_bad_input_is_said_once(tmp_path, text_file, mpiexec):
    started = [mpiexec, "-n", "2", *command(*train_flags(text_file, tmp_path / "out", batch_size=1))]
    result = subprocess.run(started, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert result.stderr.count("npseq: error: every rank must have at least one sequence of a batch") == 1
