"""This package reads and writes npseq's files: arrays, whole files, and the lock of a folder."""

from npseq.files.arrays import VERSION, Content, damage_in, digest, read_content, write_content
from npseq.files.claim import Claim
from npseq.files.finding import existing
from npseq.files.writing import Ours, append, as_path, make_folder, replace_file, replaceable

__all__ = [
    "VERSION",
    "Claim",
    "Content",
    "Ours",
    "append",
    "as_path",
    "damage_in",
    "digest",
    "existing",
    "make_folder",
    "read_content",
    "replace_file",
    "replaceable",
    "write_content",
]
