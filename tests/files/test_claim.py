"""One process at a time may write in a folder, and a killed one loses that right at once."""

import os
import subprocess
import sys

import pytest

from npseq.files import Claim
from npseq.files.claim import LOCK

HOLD = "import sys; from pathlib import Path; from npseq.files import Claim; claim = Claim(Path(sys.argv[1]))\n"


def holder(folder, then="print('held', flush=True); input()"):
    """Another process that has claimed the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD + then, str(folder)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout.readline() == "held\n"
    return process


def test_a_claim_makes_the_folder_and_leaves_nothing_in_it(tmp_path):
    claim = Claim(tmp_path / "a" / "b")
    assert claim.held
    assert os.listdir(tmp_path / "a" / "b") == [LOCK]
    claim.release()
    claim.release()
    assert not claim.held
    assert os.listdir(tmp_path / "a" / "b") == []


def test_a_claim_ends_with_its_object(tmp_path):
    claim = Claim(tmp_path)
    del claim
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kill", [True, False])
def test_another_process_is_refused_until_the_first_has_ended(tmp_path, kill):
    process = holder(tmp_path)
    with pytest.raises(BlockingIOError, match=r"must not be in use, but another process is training in it; wait until"):
        Claim(tmp_path)
    assert os.listdir(tmp_path) == [LOCK]
    if kill:
        process.kill()
    process.communicate("\n")
    assert os.listdir(tmp_path) == ([LOCK] if kill else [])
    claim = Claim(tmp_path)
    assert claim.held
    claim.release()
    assert os.listdir(tmp_path) == []


def test_a_later_claim_of_the_same_process_takes_over(tmp_path):
    first = Claim(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    second = Claim(tmp_path / "link")
    assert (first.held, second.held) == (False, True)
    first.release()
    assert (tmp_path / LOCK).exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_the_end_of_a_fork_leaves_the_claim(tmp_path):
    then = "import os\npid = os.fork()\nif not pid: del claim; os._exit(0)\nos.waitpid(pid, 0)\n"
    process = holder(tmp_path, then + "print('held', flush=True); input()")
    with pytest.raises(BlockingIOError):
        Claim(tmp_path)
    process.communicate("\n")


def test_the_lock_that_was_deleted_meanwhile_is_not_taken(tmp_path, monkeypatch):
    """Between opening and locking the file, the process that held it ends and deletes it."""
    from npseq.files import claim as module

    lock, times = module._lock, []

    def slow(descriptor):
        if not times:
            (tmp_path / LOCK).unlink()
        times.append(1)
        lock(descriptor)

    monkeypatch.setattr(module, "_lock", slow)
    claim = Claim(tmp_path)
    assert len(times) == 2
    assert (tmp_path / LOCK).exists()
    claim.release()


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b"notes"), lambda path: path.symlink_to("elsewhere"),
                                  lambda path: path.mkdir()])  # fmt: skip
def test_a_file_of_another_under_the_name_of_the_lock_stays(tmp_path, make):
    make(tmp_path / LOCK)
    before = os.lstat(tmp_path / LOCK)
    with pytest.raises(FileExistsError, match=r"must be npseq's own file|must be a plain file"):
        Claim(tmp_path)
    assert os.path.samestat(os.lstat(tmp_path / LOCK), before)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def none(descriptor):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("npseq.files.claim._lock", none)
    with pytest.raises(
        OSError, match=r"must lie on a file system with locks, .*\(Function not implemented\); name a fold"
    ):
        Claim(tmp_path)
