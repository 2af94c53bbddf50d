from pathlib import Path

import pytest
from commands.command_line import TEXT, TINY

from npseq.cli import main


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


@pytest.fixture
def no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)


@pytest.fixture
def trained(tmp_path: Path, text: str, no_figure: None, capsys: pytest.CaptureFixture[str]) -> str:
    out = str(tmp_path / "run")
    assert main(["train", "--text", text, *TINY, "--out", out, "--quiet"]) == 0
    capsys.readouterr()
    return out
