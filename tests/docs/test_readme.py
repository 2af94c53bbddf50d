"""The README is short, its links lead somewhere, and the numbers in its prose are those of the committed results."""

import json
import re

from printed import ROOT, text_of

import npseq as ns

README = text_of("README.md")
HERE = "https://github.com/npseq/npseq/blob/main/"  # links are absolute: they lead there from a package index too
PICTURES = "https://raw.githubusercontent.com/npseq/npseq/main/"


def prose(text):
    """The text without code blocks, tables, comments and the targets of links."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(\|.*|<!--.*-->)$", "", text, flags=re.MULTILINE)
    return re.sub(r"\]\([^)]*\)", "]", text)


def result(name):
    return json.loads(text_of(f"benchmarks/results/{name}.json"))


def test_prose_leaves_code_tables_and_addresses_out():
    text = "One `two`\n\n```sh\nnot this\n```\n| nor | this |\n<!-- nor this -->\n[three](http://not.this)\n"
    assert prose(text).split() == ["One", "`two`", "[three]"]


def test_it_has_fewer_than_800_words():
    assert len(prose(README).split()) > 300
    assert len(re.sub(r"\]\([^)]*\)", "]", README).split()) < 800


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README)
    assert len(links) > 20
    for link in links:
        assert link.startswith((HERE, PICTURES)), link
        assert (ROOT / link.removeprefix(HERE).removeprefix(PICTURES)).exists(), link


def test_anchors_are_headings():
    for link, anchor in re.findall(r"\]\(([^)#]+)#([^)]+)\)", README):
        page = link.removeprefix(HERE)
        headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, f"{page}#{anchor}"


def test_the_first_link_is_the_lstm_and_the_second_its_derivation():
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)]+)\)", README)  # pictures aside
    assert links[:2] == [HERE + "npseq/layers/lstm.py", HERE + "docs/derivations/lstm.md"]


def test_both_commands_are_there():
    commands = re.findall(r"^python3 -m venv .venv && .*$", README, re.MULTILINE)
    assert [command.rpartition("&& ")[2] for command in commands] == [
        ".venv/bin/npseq train --out run",
        ".venv/bin/python -m pytest",
    ]


def test_its_python_runs(capsys):
    names = {}
    for code in re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        exec(compile(code, "README.md", "exec"), names)
    names["test_my_gradient"]()
    assert capsys.readouterr().out.startswith("passed: ")


def test_the_numbers_in_its_prose_are_the_results():
    words = " ".join(README.split())
    caught, of = result("mutants")["scores"]["complex"]
    assert f"[{caught} of {of} wrong backward passes]" in words
    assert len([name for name in ns.gallery.__all__ if name.endswith("Cell")]) == 15
    assert "fifteen are in `ns.gallery`" in words
    killed = result("faults")["killed"]
    assert f"[{killed['kills']} kills, {len(killed['differ'])} different]" in words
    rates = [row["characters_per_second"] for row in result("generation")["records"] if ", batch 1, " in row["name"]]
    ratios = [int(10 * rate["npseq"] / rate["torch"]) / 10 for rate in rates]
    assert f"[{min(ratios)} to {max(ratios)} times as many characters a second]" in words
    missed = {
        name: [sum(row[key] for row in rows.values()) for key in ("missed", "cuts")] for name, rows in cuts().items()
    }
    assert missed["npseq.gradcheck_layer"] == missed["npseq.gradcheck_layer, parameters alone"] == [0, 1398]
    both = [missed[f"{name}, 1e-12"] for name in ("statsmodels approx_fprime_cs", "numdifftools.Gradient, complex")]
    assert both == [[923, 1398]] * 2
    assert "and [all 1,398 cut in time]" in words
    assert ": statsmodels and numdifftools miss 923, torch and JAX 38 and 37 of 60." in words
    assert [missed[name] for name in ("torch.autograd.gradcheck", "jax.test_util.check_grads")] == [[38, 60], [37, 60]]


def cuts():
    return result("cuts")["found"]
