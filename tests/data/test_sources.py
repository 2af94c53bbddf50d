"""Files of others come from the folder that NPSEQ_DATA names, or once over https with their checksum."""

import hashlib
import os
from pathlib import Path

import pooch
import pytest

from npseq.data import load_corpus, load_pairs
from npseq.data.sources import CO2, SUNSPOTS, TATOEBA, TIME_MACHINE, digest, path_of

SOURCES = (TIME_MACHINE, TATOEBA, SUNSPOTS, CO2)


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv("NPSEQ_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path)
    return tmp_path


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.file)
def test_a_download_is_over_https_and_has_a_checksum(source):
    assert source.url.startswith("https://")
    algorithm, _, digits = source.checksum.partition(":")
    assert len(digits) == 2 * hashlib.new(algorithm).digest_size


@pytest.mark.parametrize("source", [TIME_MACHINE, SUNSPOTS, CO2], ids=lambda one: one.file)
def test_the_checksum_is_that_of_the_file_at_hand(source):
    folder = os.environ.get("NPSEQ_DATA")
    if not folder or not (Path(folder) / source.file).is_file():
        pytest.skip(f"{source.file}: not in the folder that NPSEQ_DATA names")
    assert digest(Path(folder) / source.file, source.checksum) == source.checksum
    assert path_of(source) == Path(folder) / source.file


@pytest.mark.parametrize("source", [TIME_MACHINE, SUNSPOTS, CO2], ids=lambda one: one.file)
def test_without_the_folder_the_file_is_downloaded_with_its_checksum(source, nowhere, monkeypatch):
    asked = []

    def retrieve(*args, **kwargs):
        asked.append((args, kwargs))
        return str(nowhere / "file")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert path_of(source) == nowhere / "file"
    name = source.url.rpartition("/")[2]
    assert asked == [((source.url, source.checksum), {"fname": name, "path": nowhere, "processor": None})]


def test_pairs_come_out_of_an_archive(nowhere, monkeypatch):
    def retrieve(url, checksum, processor, **kwargs):
        assert (url, processor.members) == (TATOEBA.url, ["fra-eng/fra.txt"])
        (nowhere / "fra.txt").write_text("Go.\tVa !\nRun!\tCours !\n", encoding="utf-8")
        return [str(nowhere / "fra.txt")]

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    pairs = load_pairs("tatoeba")
    assert pairs.source_vocab.decode(pairs.source[:, 1]).split()[:2] == ["run", "!"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.file)
def test_a_failed_download_says_what_to_do(source, nowhere, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    with pytest.raises(ConnectionError, match=rf"\(no route to host\); .* put {source.file} \(.*\) .* in NPSEQ_DATA"):
        path_of(source)


def test_a_file_of_another_in_the_place_of_the_download_stays(nowhere, monkeypatch):
    monkeypatch.setattr(pooch, "retrieve", lambda *given, **options: pytest.fail("it would be replaced"))
    (nowhere / "timemachine.txt").write_text("my notes")
    with pytest.raises(FileExistsError, match=r"timemachine\.txt' must be npseq's own file to be replaced"):
        load_corpus("time-machine")
    assert (nowhere / "timemachine.txt").read_text() == "my notes"


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.file)
def test_a_folder_without_it_is_named(source, monkeypatch, tmp_path):
    monkeypatch.setenv("NPSEQ_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"must hold {source.file} .* or unset NPSEQ_DATA to have it down"):
        path_of(source)
