import os
from pathlib import Path

import pytest


@pytest.fixture
def time_machine_path() -> Path:
    """The Time Machine in the folder that NPSEQ_DATA names; a test without it is skipped, saying what is missing."""
    folder = os.environ.get("NPSEQ_DATA")
    if not folder:
        pytest.skip("timemachine.txt: NPSEQ_DATA is not set")
    path = Path(folder) / "timemachine.txt"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return path
