"""Every example of the gallery has its figure in docs/figures."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_example_has_its_figure():
    readme = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\]\((\d\d_\w+)\.py\)", readme))
    figures = {path.stem for path in (ROOT / "docs" / "figures").glob("[0-9][0-9]_*.png")}
    assert figures == names, "python -m benchmarks.coverage takes them"
