"""A launcher is recognised by its environment, and real processes of mpiexec train together."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from npseq.cli import main
from npseq.training import load_checkpoint
from npseq.training.distributed import mpi as launcher

pytestmark = pytest.mark.usefixtures("no_figure")


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


class OneProcess:
    """MPI as one process sees it, with the calls of mpi4py."""

    IN_PLACE, MIN, COMM_TYPE_SHARED = "in place", "min", "shared"

    class COMM_WORLD:
        Get_rank = staticmethod(lambda: 0)
        Get_size = staticmethod(lambda: 1)
        Split_type = staticmethod(lambda kind: OneProcess.COMM_WORLD)
        Free = staticmethod(lambda: None)
        Allreduce = staticmethod(lambda *given: None)
        Bcast = staticmethod(lambda buffer: None)


def test_the_communicator_of_one_process_returns_what_it_is_given():
    alone = launcher.MPICommunicator(OneProcess)
    assert (alone.rank, alone.size, alone.local_rank, alone.local_size) == (0, 1, 0, 1)
    assert alone.broadcast(b"some bytes") == b"some bytes"
    assert alone.broadcast(b"") == b""
    assert alone.least(-3) == -3


# real processes ------------------------------------------------------------------------------------------------------

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
    given = {
        "text": text_file,
        "out": out,
        "hidden_size": 8,
        "epochs": 4,
        "batch_size": 7,
        "steps": 6,
        "dtype": "float64",
    }
    return [f"--{name.replace('_', '-')}={value}" for name, value in {**given, **options}.items()]


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_of_mpiexec(tmp_path, text_file, mpiexec):
    options = {"cell": "lstm", "num_layers": 2, "dropout": 0.3, "clip": 0.1}
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
    alike = ("--quiet", "--schedule", "constant")  # a cosine would be another one over other epochs
    started = [mpiexec, "-n", "2", *command(*train_flags(text_file, out, epochs=100_000), *alike)]
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
    straight = command(*train_flags(text_file, tmp_path / "straight", epochs=epochs), *alike)
    for arguments in (command("--resume", str(out), "--epochs", str(epochs), "--quiet"), straight):
        subprocess.run([mpiexec, "-n", "2", *arguments], capture_output=True, check=True, timeout=120)
    one, other = (load_checkpoint(folder / "model.safetensors") for folder in (out, tmp_path / "straight"))
    assert one.model.params.flat.tobytes() == other.model.params.flat.tobytes()
    assert losses(out) == losses(tmp_path / "straight")


@pytest.mark.slow
def test_bad_input_is_reported_once(tmp_path, text_file, mpiexec):
    started = [mpiexec, "-n", "2", *command(*train_flags(text_file, tmp_path / "out", batch_size=1))]
    result = subprocess.run(started, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert result.stderr.count("npseq: error: every rank must have at least one sequence of a batch") == 1
