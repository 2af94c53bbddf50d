"""docs/one_page.md: sixty lines of NumPy without npseq are the LSTM's gradient."""

import ast
import re
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
from printed import LABELLED, ROOT, text_of

import npseq as ns

TEXT = text_of("docs/one_page.md")
CODE, SHOWN = re.findall(r"^```\w+\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def names():
    found: dict[str, object] = {}
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(CODE, "one_page", "exec"), found)
    return found, out.getvalue()


def test_sixty_lines_import_numpy_alone():
    assert CODE.count("\n") <= 60
    imported = [
        ast.unparse(node) for node in ast.walk(ast.parse(CODE)) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imported == ["import numpy as np"]


def test_it_checks_itself_and_prints_what_the_page_shows():
    _, out = names()
    assert [line.split(" largest")[0] for line in out.splitlines()] == [
        line.split(" largest")[0] for line in SHOWN.splitlines()
    ]
    assert max(float(line.split()[-1]) for line in out.splitlines()) < 1e-14


def test_its_gradient_is_npseqs():
    found, _ = names()
    x, h, c, W, b = found["at"]
    layer = ns.LSTM(x.shape[2], h.shape[1], dtype=np.float64, rng=0)
    D, H = x.shape[2], h.shape[1]
    for k, gate in enumerate("ifog"):
        columns = slice(k * H, (k + 1) * H)
        layer.params[f"W_x{gate}"], layer.params[f"W_h{gate}"] = W[:D, columns], W[D:, columns]
        layer.params[f"b_{gate}"] = b[columns]
    _, _, tape = layer.forward(x, (h[None], c[None]))
    dx, (dh, dc), grads = layer.backward(found["dy"], tape)
    kernel = np.concatenate([np.concatenate([grads[f"W_x{gate}"], grads[f"W_h{gate}"]]) for gate in "ifog"], axis=1)
    bias = np.concatenate([grads[f"b_{gate}"] for gate in "ifog"])
    for mine, wanted in zip(found["gradients"], (dx, dh[0], dc[0], kernel, bias), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-12, atol=1e-13)


def test_its_labels_are_those_of_the_derivations():
    pages = text_of("docs/derivations/lstm.md") + text_of("docs/derivations/time.md")
    labels = set(re.findall(r"\(([LT]\d+)\)", CODE))
    assert labels <= set(LABELLED.findall(pages))
    assert {"L14", "L15", "L16", "L17", "L18", "L19", "L20", "L21", "L22", "L23", "L24", "T2"} <= labels
    assert (ROOT / "docs" / "derivations" / "lstm.md").is_file()
