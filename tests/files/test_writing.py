"""Where npseq may write, and what it leaves there: never on another's file, never half a file."""

import errno
import os
import re
import stat
import subprocess
import sys

import pytest

from npseq.files.writing import append, as_path, make_folder, remove_partials, replace_file, replaceable

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes of a POSIX file system")


def is_ours(path):
    return path.read_bytes().startswith(b"ours")


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_a_file_is_written_and_replaced_as_a_whole(tmp_path):
    replace_file(tmp_path / "f", b"ours, a long first content", is_ours)
    replace_file(tmp_path / "f", b"ours", is_ours)
    assert (tmp_path / "f").read_bytes() == b"ours"
    assert os.listdir(tmp_path) == ["f"]


def test_an_empty_file_is_nobodys(tmp_path):
    (tmp_path / "f").touch()
    replace_file(tmp_path / "f", b"new", is_ours)
    assert (tmp_path / "f").read_bytes() == b"new"


@pytest.mark.parametrize("follow", [True, False])
def test_the_file_of_another_stays(tmp_path, follow):
    (tmp_path / "f").write_bytes(b"a thesis")
    told = (
        rf"^'{re.escape(str(tmp_path / 'f'))}' must be npseq's own file to be replaced, npseq did not write it; move it"
    )
    for call in (lambda: replace_file(tmp_path / "f", b"new", is_ours, follow=follow),
                 lambda: replaceable(tmp_path / "f", is_ours, follow=follow)):  # fmt: skip
        with pytest.raises(FileExistsError, match=told):
            call()
    assert (tmp_path / "f").read_bytes() == b"a thesis"
    assert os.listdir(tmp_path) == ["f"]


def made(kind, path):
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        subprocess.run([sys.executable, "-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
                        path.name], cwd=path.parent, check=True)  # fmt: skip
    else:
        path.symlink_to(os.devnull)
    return path


@posix
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a socket", "a device"])
def test_only_a_plain_file_is_written(tmp_path, kind):
    path = made(kind, tmp_path / "x")
    before = os.lstat(path)
    with pytest.raises(
        FileExistsError, match=rf"x' must be a plain file where npseq writes, it is {kind}; name another"
    ):
        replace_file(path, b"new", lambda _: True)
    assert os.path.samestat(os.lstat(path), before)
    assert os.listdir(tmp_path) == ["x"]


@posix
def test_a_link_means_the_file_that_it_leads_to(tmp_path):
    (tmp_path / "there").mkdir()
    target, link, second = tmp_path / "there" / "f", tmp_path / "link", tmp_path / "second"
    link.symlink_to("there/f")
    second.symlink_to(link)
    for content in (b"ours, 1", b"ours, 2"):  # first the target is not there
        replace_file(second, content, is_ours)
        assert target.read_bytes() == content
    assert (link.is_symlink(), second.is_symlink(), target.is_symlink()) == (True, True, False)
    target.write_bytes(b"a thesis")
    with pytest.raises(FileExistsError, match=r"second' must be npseq's own file"):
        replace_file(second, b"new", is_ours)


@posix
@pytest.mark.parametrize("there", [True, False])
def test_within_a_folder_no_link_is_followed(tmp_path, there):
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.write_bytes(b"ours")
    link.symlink_to(target)
    for call in (lambda: replace_file(link, b"new", is_ours, follow=False), lambda: append(link, "new")):
        with pytest.raises(
            FileExistsError, match=r"link' must be a plain file where npseq writes, it is a symbolic link"
        ):
            call()
    assert link.is_symlink()
    assert target.exists() == there
    assert not there or target.read_bytes() == b"ours"


@posix
def test_a_link_to_itself_is_told(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"loop' must be writable: Too many levels of symbolic links; name another path"):
        replace_file(tmp_path / "loop", b"new", is_ours)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o777])
def test_a_file_keeps_its_mode(tmp_path, mode):
    replace_file(tmp_path / "f", b"ours", is_ours)
    os.chmod(tmp_path / "f", mode)
    replace_file(tmp_path / "f", b"ours", is_ours)
    append(tmp_path / "f", " too")
    assert modes(tmp_path) == {"f": mode}


@posix
def test_a_new_file_has_the_mode_of_any_other(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "f", b"", is_ours)
        (tmp_path / "g").touch()
    finally:
        os.umask(before)
    assert modes(tmp_path) == {"f": 0o640, "g": 0o640}


@posix
def test_a_file_that_nobody_may_write_stays(tmp_path):
    replace_file(tmp_path / "f", b"ours", is_ours)
    os.chmod(tmp_path / "f", 0o444)
    for call in (lambda: replace_file(tmp_path / "f", b"ours 2", is_ours), lambda: append(tmp_path / "f", "more")):
        with pytest.raises(
            PermissionError, match=r"f' must be writable, it is read-only; allow it, or name another path"
        ):
            call()
    assert (tmp_path / "f").read_bytes() == b"ours"


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_stops_a_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, name, error):
    replace_file(tmp_path / "f", b"ours, old", is_ours)

    def fail(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with pytest.raises(type(error)) as raised:
            replace_file(tmp_path / "f", b"new", is_ours)
    assert (tmp_path / "f").read_bytes() == b"ours, old"
    assert os.listdir(tmp_path) == ["f"]
    if isinstance(error, OSError):
        path = str(tmp_path / "f")
        assert str(raised.value) == f"{path!r} must be writable: No space left on device; make room on its disk"
        assert raised.value.errno == errno.ENOSPC


def test_an_error_names_the_path_that_was_given(tmp_path):
    for path, kind, reason in (
        (tmp_path / "no" / "f", FileNotFoundError, "No such file or directory; make its folder first"),
        (tmp_path / ("x" * 300), OSError, "File name too long; name another path"),
    ):
        with pytest.raises(kind, match=rf"^{re.escape(repr(str(path)))} must be writable: {reason}$"):
            replace_file(path, b"", is_ours)


def test_a_name_may_be_as_long_as_a_file_system_takes(tmp_path):
    replace_file(tmp_path / ("é" * 127), b"ours", is_ours)
    assert os.listdir(tmp_path) == ["é" * 127]


def test_two_writers_of_one_file_have_partial_files_of_their_own(tmp_path, monkeypatch):
    """The second writes the whole file while the first is about to put its own there."""
    replace = os.replace

    def meanwhile(partial, place):
        monkeypatch.setattr(os, "replace", replace)
        replace_file(tmp_path / "f", b"ours, second", is_ours)
        assert partial.read_bytes() == b"ours, first"
        replace(partial, place)

    monkeypatch.setattr(os, "replace", meanwhile)
    replace_file(tmp_path / "f", b"ours, first", is_ours)
    assert (tmp_path / "f").read_bytes() == b"ours, first"
    assert os.listdir(tmp_path) == ["f"]


def test_what_killed_writers_left_can_be_removed_and_nothing_else(tmp_path):
    left = [f".model-{'0123456789abcdef'}.partial", f".model-{'0' * 16}.partial"]
    others = [".model.partial", ".model-notes.partial", f".other-{'0' * 16}.partial", "model"]
    for name in left + others:
        (tmp_path / name).write_bytes(b"x")
    remove_partials(tmp_path / "model")
    assert sorted(os.listdir(tmp_path)) == sorted(others)


def test_lines_are_added_to_a_file(tmp_path):
    for line in ("one\n", "zwölf\n"):
        append(tmp_path / "log", line)
    assert (tmp_path / "log").read_bytes() == "one\nzwölf\n".encode()


def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path):
    out = tmp_path / "a" / "b"
    for _ in range(2):
        make_folder(out)
    assert list(out.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"the output folder '.*file' must be writable: File exists; name another one"):
        make_folder(tmp_path / "file")


def test_a_name_that_no_file_system_takes_is_refused_in_one_line(tmp_path):
    for name in ("a" * 256, "é" * 128, "a/" * 3000):
        with pytest.raises(ValueError, match=r"path must be of names that a file system takes, .* got '.{10,80}'\.\."):
            as_path(tmp_path / name)


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        (3, TypeError, "path must be a path, a str or a PathLike, got 3"),
        (None, TypeError, "got None"),
        (b"bytes", TypeError, "got b'bytes'"),
        ("", ValueError, "path must name a file or a folder, got ''; '.' is the working folder"),
        ("a\0b", ValueError, r"path must name a file or a folder, got 'a\\x00b'"),
        ("\ud800", ValueError, "path must be made of characters that a file name can have, got '\\\\ud800'"),
    ],
)
def test_what_is_no_path_is_refused(path, error, message):
    with pytest.raises(error, match=f"^{message}" if message.startswith("path") else message):
        as_path(path)


@posix
def test_a_working_folder_that_is_gone_is_told(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert as_path(tmp_path / "there") == tmp_path / "there"
    with pytest.raises(
        FileNotFoundError, match="working folder must exist, where out 'run' is looked for, but it has been"
    ):
        as_path("run", "out")
