"""The built site in a browser, where Chromium is installed: equations are drawn, the slider moves what it should."""

import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from built import Page

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
    "--virtual-time-budget=20000",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
MOVE = """<script>addEventListener("load", () => setTimeout(() => {
  const change = (node, value, kind) => { node.value = value; node.dispatchEvent(new Event(kind)); };
  change(document.querySelector("select[data-key=task]"), "%s", "change");
  change(document.querySelector("select[data-key=stage]"), "%s", "change");
  change(document.getElementById("lag-range"), "%d", "input");
}, 500))</script></body>"""
ON_A_PHONE = """<script>addEventListener("load", async () => {
  const wide = {};
  for (const name of %s) {
    const frame = document.createElement("iframe");
    frame.style.cssText = "width: 375px; height: 700px";
    frame.src = name;
    document.body.append(frame);
    await new Promise((done) => { frame.onload = () => setTimeout(done, 1000); });
    const page = frame.contentDocument, parts = [page.scrollingElement, page.querySelector(".content")];
    wide[name] = Math.max(...parts.map((part) => part.scrollWidth - part.clientWidth));
    frame.remove();
  }
  document.body.insertAdjacentHTML("beforeend", `<pre id="wide">${JSON.stringify(wide)}</pre>`);
})</script></body>"""
PAGES = [
    *("index.html", "genindex.html", "playground.html", "performance.html", "coming_from.html", "api/layers.html"),
    *("guides/lags.html", "derivations/lstm.html", "derivations/online.html", "_modules/npseq/layers/lstm.html"),
]


@pytest.fixture
def drawn(tmp_path):
    """A function: the page of this file, as the browser has it after its scripts ran."""
    folder = os.environ.get("NPSEQ_SITE")
    if not folder or not CHROMIUM:
        pytest.skip("NPSEQ_SITE names no built site" if CHROMIUM else "no Chromium here")

    def draw(name: str, script: str = "") -> str:
        path = ROOT / folder / name
        if script:
            text = path.read_text(encoding="utf-8").replace("</body>", script)
            path = path.with_name(f"test_{tmp_path.name}.html")
            path.write_text(text, encoding="utf-8")
        command = [CHROMIUM, *SWITCHES, f"--user-data-dir={tmp_path}", "--dump-dom", path.as_uri()]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        finally:
            if script:
                path.unlink()
        return run.stdout

    return draw


@pytest.mark.parametrize("page", ["rnn", "gru", "lstm", "time", "truncation", "online", "losses"])
def test_every_equation_is_drawn(drawn, page):
    dom = drawn(f"derivations/{page}.html")
    formulas = Page((ROOT / os.environ["NPSEQ_SITE"] / f"derivations/{page}.html").read_text(encoding="utf-8")).formulas
    assert len(re.findall(r"<mjx-container[^>]*>\s*<svg", dom)) == formulas
    assert "data-mjx-error" not in dom


@pytest.mark.parametrize(
    ("task", "stage", "length"),
    [("characters", "trained", 1), ("characters", "before training", 7), ("agreement", "trained", 22)],
)
def test_the_slider_moves_every_panel(drawn, task, stage, length):
    dom = drawn("guides/lags.html", MOVE % (task, stage, length))
    data = json.loads(re.search(r'id="lag-data">(.*?)</script>', dom)[1])
    assert f"Truncated({length}): lags 0 to {length - 1}" in dom
    for cell, numbers in data[task]["stages"][stage].items():
        panel = re.search(rf'data-cell="{cell}".*?</section>', dom, re.DOTALL)[0]
        bias = float(re.search(r'lag-bias-value">([^<]*)<', panel)[1])
        angle = float(re.search(r'lag-angle-value">([^<]*)°<', panel)[1])
        assert bias == pytest.approx(numbers["bias"][length - 1], rel=0.06)
        exact = math.degrees(math.atan2(numbers["across"][length - 1], numbers["along"][length - 1]))
        assert angle == pytest.approx(exact, rel=0.06, abs=0.051)
        assert panel.count('class="lag-kept"') == length
        assert panel.count('class="lag-cut"') == len(numbers["lags"]) - length


def test_no_page_scrolls_sideways_on_a_phone(drawn):
    """What is wide, a table, code or an equation, scrolls by itself."""
    dom = drawn("index.html", ON_A_PHONE % json.dumps(PAGES))
    assert json.loads(re.search(r'<pre id="wide">(\{".*?)</pre>', dom)[1]) == dict.fromkeys(PAGES, 0)
