"""Writes guides as notebooks: `python docs/_ext/notebooks.py FOLDER docs/guides/own_text.md ...`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


def cell(kind: str, source: str) -> dict[str, Any]:
    more = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source.strip("\n").splitlines(keepends=True), **more}


def notebook(page: str) -> dict[str, Any]:
    """Returns a page as a notebook: its Python is code, all else Markdown; what it prints comes when it is run."""
    parts = BLOCK.split(page)
    cells = [cell("code" if k % 2 else "markdown", part) for k, part in enumerate(parts) if part.strip()]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        made = json.dumps(notebook(Path(name).read_text(encoding="utf-8")), indent=1)
        (folder / f"{Path(name).stem}.ipynb").write_text(made, encoding="utf-8")
