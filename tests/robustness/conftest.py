from __future__ import annotations

from pathlib import Path

import pytest

TEXT = (
    "it was the best of times it was the worst of times\nit was the age of wisdom it was the age of foolishness\n" * 3
)


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path
