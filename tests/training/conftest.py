from __future__ import annotations

from pathlib import Path

import pytest

TEXT = "\n".join(
    [
        "it was the best of times it was the worst of times",
        "it was the age of wisdom it was the age of foolishness",
        "it was the epoch of belief it was the epoch of incredulity",
    ]
    * 2
)


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of everything but the figure, which takes longer to draw than a tiny model to train."""
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
