import signal
from collections.abc import Iterator
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


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests run in the background of a shell, which then ignores it for them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of everything but the figure, which takes longer to draw than a tiny model to train."""
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
