"""One file explains a gradient: no network, below 2 MB, and in a browser the numbers are the ledger's."""

import json
import re
import shutil
import subprocess
from html import unescape

import numpy as np
import pytest

import npseq as ns
from npseq.inspect.page_data import connections

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
READ = """<script>
const out = document.createElement("pre"); out.id = "read";
out.textContent = JSON.stringify(%s.map(([name, ...at]) => window.npseq[name].at(...at)));
document.body.append(out);
</script></html>"""


def problem(T=35, B=32, H=16):
    rng = np.random.default_rng(0)
    layer = ns.LSTM(5, H, dtype=np.float64, rng=0)
    return layer, rng.integers(0, 5, size=(T, B)), rng.normal(size=(T, B, H))


def test_a_page_of_35_steps_and_32_sequences_is_below_2_mb_and_asks_for_nothing():
    page = ns.inspect.page(*problem(H=64))
    assert len(page.html.encode()) < 2_000_000
    text = re.sub(r'<script type="application/json".*?</script>', "", page.html, flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\"' )]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert "src=" not in text


def test_a_notebook_shows_the_page_in_a_frame_of_its_own():
    page = ns.inspect.page(*problem(T=3, B=1, H=2), title='<b> & "c"')
    held = re.fullmatch(r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts" style="[^"]*"></iframe>', page._repr_html_())
    assert unescape(held[1]) == page.html


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
def test_in_a_browser_20_numbers_are_the_ledgers(tmp_path):
    layer, ids, dy = problem(T=12, B=3, H=5)
    x = np.eye(5)[ids]
    ledger = ns.inspect.ledger(layer, dy, layer.forward(x)[2], pairs=False)
    rng, asked, wanted = np.random.default_rng(1), [], []
    tables = {
        "unit gate i": ledger.gates["i"].swapaxes(0, 1),
        "unit adjoint of h": ledger.adjoints["h"].swapaxes(0, 1),
        "lags": ns.inspect.lag_norms(ledger),
        "bias": ns.inspect.truncation_bias(ledger).relative,
        "connections": connections(layer, x, dy, None, 3),
    }
    for _ in range(4):
        for name, table in tables.items():
            index = tuple(int(rng.integers(n)) for n in table.shape)
            asked, wanted = [*asked, [name, *index]], [*wanted, table[index]]
    path = tmp_path / "page.html"
    path.write_text(ns.inspect.page(layer, ids, dy).html.replace("</html>\n", READ % json.dumps(asked)), "utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    run = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=300, check=True
    )
    found = json.loads(re.search(r'<pre id="read">(.*?)</pre>', run.stdout)[1])
    assert len(found) == 20
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert 'data-ready="' in run.stdout  # the script came to its end


def test_three_lines_explain_a_layer_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    lstm, x, dy = torch.nn.LSTM(3, 4).double(), np.random.default_rng(0).normal(size=(5, 2, 3)), np.ones((5, 2, 4))
    layer = ns.LSTM(3, 4, dtype=np.float64)
    ns.interop.torch.load(layer, lstm.state_dict())
    ns.inspect.page(layer, x, dy, labels=["hello", "world"]).save(tmp_path / "lstm.html")
    assert '["h","e","l","l","o"]' in (tmp_path / "lstm.html").read_text()


def test_a_page_replaces_a_page_and_nothing_else(tmp_path):
    page = ns.inspect.page(*problem(T=3, B=1, H=2))
    for _ in range(2):
        page.save(tmp_path / "a.html")
    (tmp_path / "b.html").write_text("mine")
    with pytest.raises(FileExistsError, match="npseq did not write it"):
        page.save(tmp_path / "b.html")


def test_what_cannot_be_shown_is_refused():
    layer, ids, dy = problem(T=3, B=1, H=2)
    with pytest.raises(ValueError, match="labels must hold 1 rows of 3 texts"):
        ns.inspect.page(layer, ids, dy, labels=["ab"])
    both = ns.LSTM(5, 1, bidirectional=True, dtype=np.float64)
    with pytest.raises(ValueError, match="layer must be a recurrent layer of one direction"):
        ns.inspect.page(both, ids, dy)


def test_a_text_cannot_end_the_script(tmp_path):
    layer, ids, dy = problem(T=3, B=1, H=2)
    page = ns.inspect.page(layer, ids, dy, labels=[["</script>", "<b>", "&"]], title="<b>")
    assert page.html.count("</script>") == 2
    assert "<title>&lt;b&gt;</title>" in page.html
