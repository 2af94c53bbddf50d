"""Files that others publish: from the folder that NPSEQ_DATA names, or downloaded once over https, with a checksum."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from npseq.files import replaceable

D2L = "https://d2l-data.s3-accelerate.amazonaws.com"
STATSMODELS = "https://raw.githubusercontent.com/statsmodels/statsmodels/v0.14.4/statsmodels/datasets"


class Source(NamedTuple):
    """A file: its name in the folder, what it holds in words, and where it is downloaded from."""

    file: str
    what: str
    url: str
    checksum: str  # of what is downloaded: "algorithm:digits"
    member: str = ""  # the file's name inside of what is downloaded, an archive


TIME_MACHINE = Source(
    "timemachine.txt", "The Time Machine, byte for byte d2l's file", f"{D2L}/timemachine.txt",
    "sha256:8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
)  # fmt: skip
TATOEBA = Source(
    "fra_eng_5000.txt", "5,000 pairs of English and French; what is downloaded is d2l's whole file",
    f"{D2L}/fra-eng.zip", "sha1:94646ad1522d915e7b0f9296181140edcf86a4f5", "fra-eng/fra.txt",
)  # fmt: skip
SUNSPOTS = Source(
    "sunspots_yearly_1700_2008.csv", "the columns YEAR,SUNACTIVITY and 309 rows, statsmodels' data set 'sunspots'",
    f"{STATSMODELS}/sunspots/sunspots.csv",
    "sha256:f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b",
)  # fmt: skip
CO2 = Source(
    "co2_mauna_loa_weekly_1958_2001.csv", "the columns date,co2 and 2,284 rows, statsmodels' data set 'co2'",
    f"{STATSMODELS}/co2/co2.csv",
    "sha256:16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f",
)  # fmt: skip


def path_of(source: Source) -> Path:
    """Returns where the file is, after a download the first time where NPSEQ_DATA is not set.

    Raises:
        FileNotFoundError: if the folder that NPSEQ_DATA names does not hold it.
        ConnectionError: if the download fails.
    """
    folder = os.environ.get("NPSEQ_DATA")
    if not folder:
        return _downloaded(source)
    path = Path(folder) / source.file
    if not path.is_file():
        raise FileNotFoundError(
            f"the folder {folder!r} that NPSEQ_DATA names must hold {source.file} ({source.what}), which is not there; "
            "put it there, or unset NPSEQ_DATA to have it downloaded"
        )
    return path


def digest(path: Path, checksum: str) -> str:
    """Returns a file's checksum in the form of this one."""
    algorithm = checksum.partition(":")[0]
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{found.hexdigest()}"


def _downloaded(source: Source) -> Path:
    """Returns the cached file, downloaded the first time; pooch keeps no file with a wrong checksum."""
    import pooch

    cache, name = Path(pooch.os_cache("npseq")), source.url.rpartition("/")[2]
    replaceable(cache / name, lambda path: digest(path, source.checksum) == source.checksum)  # pooch would not ask
    unpack = pooch.Unzip(members=[source.member]) if source.member else None
    try:
        found = pooch.retrieve(source.url, source.checksum, fname=name, path=cache, processor=unpack)
    except OSError as error:
        raise ConnectionError(
            f"{name} could not be downloaded from {source.url} to {str(cache)!r} ({error}); without a network, put "
            f"{source.file} ({source.what}) into a folder and name that folder in NPSEQ_DATA"
        ) from error
    return Path(found[0] if source.member else found)
