"""The playground's numbers, computed by a browser from traced lines, are the engine's."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import npseq as ns
from npseq.explain.lines import lines_of

ROOT = Path(__file__).parents[2]
pytest.importorskip("docutils", reason="the extra `docs` is not installed")
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
from playground import cells, script  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
PAGE = """<!doctype html><body><script>{cells}</script><script>{playground}</script><script>
const plain = (x) => (ArrayBuffer.isView(x) ? [...x].map(plain) : Array.isArray(x) ? x.map(plain)
  : x && typeof x === "object" ? Object.fromEntries(Object.entries(x).map(([k, v]) => [k, plain(v)])) : x);
const out = document.createElement("pre");
out.id = "out";
out.textContent = JSON.stringify({settings}.map((one) => plain(npseqPlayground.run(one))));
document.body.append(out);
</script></body>"""


def settings(count, each):
    """Random settings, every cell in turn."""
    rng = np.random.default_rng(0)
    for k in range(count):
        length, name = int(rng.integers(2, 30)), each[k % len(each)]
        fewest = 3 if lines_of(cells()[name]).over_units else 1  # two that are normalised leave what cancels
        yield {
            "cell": name,
            "units": int(rng.integers(fewest, 7)),
            "gain": float(rng.uniform(0.2, 1.4)),
            "bias": float(rng.uniform(-2, 4)),
            "length": length,
            "truncation": int(rng.integers(1, length + 4)),
            "seed": int(rng.integers(1, 1000)),
        }


def in_a_browser(chosen, folder):
    """What the page computes for these settings."""
    text = (ROOT / "docs" / "_static" / "playground.js").read_text(encoding="utf-8")
    page = PAGE.replace("{cells}", script()).replace("{playground}", text)
    path = folder / "page.html"
    path.write_text(page.replace("{settings}", json.dumps(chosen)), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", path.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(re.search(r'<pre id="out">(.*?)</pre>', run.stdout, re.DOTALL)[1])


def drawn(name, weights):
    """A parameter as the page drew it, in parts where a product has several operands."""
    parts = [weights[name]] if name in weights else [weights[f"{name}_{k}"] for k in (1, 2)]
    return np.concatenate(parts).astype(float)


def by_the_engine(one, found):
    """The same by npseq, at the weights that the page drew."""
    cell = cells()[one["cell"]]
    layer = ns.Recurrent(cell, 2, one["units"], dtype=np.float64, rng=0)
    for name in layer.params:
        layer.params[name] = drawn(name, found["weights"])
    x, loss = np.array(found["x"])[:, None], np.array(found["loss"])[None]
    y, _, tape = layer.forward(x)
    dy = np.zeros_like(y)
    dy[-1] = loss
    ledger = ns.inspect.ledger(layer, dy, tape, pairs=False)
    flat = np.concatenate([part.reshape(len(part), -1) for part in ledger.per_lag.values()], axis=1)
    lags = np.linalg.norm(flat, axis=1)
    whole = np.linalg.norm(flat.sum(axis=0))
    jacobian = np.eye(len(cell.state) * one["units"])
    for J in ns.inspect.state_jacobians(layer, tape)[-found["reach"] :, 0]:
        jacobian = J @ jacobian
    return {
        "states": y[:, 0],
        "adjoints": ledger.adjoints["h"][:, 0],
        "lags": lags[: one["length"]],
        "gradient": whole,
        "bias": np.linalg.norm(flat[one["truncation"] :].sum(axis=0)) / (whole or 1),
        "spectrum": np.linalg.svd(jacobian, compute_uv=False),
    }


def compare(count, each, folder):
    chosen = list(settings(count, each))
    for one, found in zip(chosen, in_a_browser(chosen, folder), strict=True):
        for name, wanted in by_the_engine(one, found).items():
            error = np.abs(np.array(found[name]) - wanted).max()
            assert error <= 1e-12 * max(np.abs(wanted).max(), 1e-300), (name, one)


def test_50_random_settings_of_all_cells_are_the_engines(tmp_path):
    compare(50, list(cells()), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", cells())
def test_50_random_settings_of_every_cell_are_the_engines(name, tmp_path):
    compare(50, [name], tmp_path)


def test_every_cell_of_the_gallery_is_there():
    assert len(cells()) == 6 + len(ns.gallery.__all__)


def test_its_place_in_the_page_is_no_headings():
    page, place = (ROOT / "docs" / "playground.md").read_text("utf-8"), "play"
    assert f'getElementById("{place}")' in (ROOT / "docs" / "_static" / "playground.js").read_text("utf-8")
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    assert place not in {heading.lower().replace(" ", "-") for heading in headings}
