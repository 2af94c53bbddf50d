"""docs/coming_from.md names what there is, and its lines run."""

import doctest
import re

import pytest
from printed import text_of

import npseq as ns
from npseq.interop import keras, onnx, packed, torch  # noqa: F401  loaded, so that ns.interop.torch is there

PAGE = text_of("docs/coming_from.md")
NAMES = sorted(set(re.findall(r"`ns\.([\w.]+)", PAGE)))


def test_many_names_are_there():
    assert len(NAMES) > 30


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_public(name):
    found = ns
    for part in name.split("."):
        found = getattr(found, part)
    assert found.__doc__


def test_its_lines_print_what_stands_there():
    block = re.search(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    parsed = doctest.DocTestParser().get_doctest(block[1], {}, "coming_from", None, 0)
    found = doctest.DocTestRunner(verbose=False)
    found.run(parsed)
    assert found.summarize(verbose=False) == doctest.TestResults(0, 6)


def test_every_cell_of_pytorch_is_there():
    rows = [row for row in PAGE.splitlines() if row.startswith("| `nn.RNN`")]
    assert rows
    assert all(f"`ns.{cell}`" in rows[0] for cell in ("RNN", "GRU", "LSTM"))
