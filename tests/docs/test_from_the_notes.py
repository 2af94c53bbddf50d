"""docs/from_the_notes.md and its Chinese copy: every call is run; every number, link and name is what it must be."""

import ast
import dataclasses
import doctest
import json
import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from printed import text_of

import npseq as ns
from benchmarks.features import BLOCK, BOOK, EXAMPLE, HEADING, rows, slug, statements

PAGES = ("from_the_notes.md", "from_the_notes.zh.md")
TEXTS = {page: text_of(f"docs/{page}") for page in PAGES}
LAST_LINES = json.loads(text_of("benchmarks/results/examples.json"))
DATA = os.environ.get("NPSEQ_DATA")
HAS_BOOK = DATA is not None and Path(DATA, "timemachine.txt").is_file()
THERE = ("book",) * HAS_BOOK + ("jieba",) * (find_spec("jieba") is not None)


def compared(page):
    """What is run and what it prints, without the comments."""
    return [(ast.dump(ast.parse(s.source)), s.want) for s in statements(TEXTS[page])]


def test_every_call_prints_what_stands_there(tmp_path, monkeypatch):
    """In the order of the page, each block after the one before; those of the book and of jieba where these are."""
    monkeypatch.chdir(tmp_path)
    examples = list(statements(TEXTS[PAGES[0]], THERE))
    assert len(examples) > 300
    said: list[str] = []
    test = doctest.DocTest(examples, {}, PAGES[0], PAGES[0], 0, None)
    runner = doctest.DocTestRunner()
    runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_both_pages_run_the_same_calls():
    first, second = (compared(page) for page in PAGES)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one == other


def test_the_chinese_page_is_chinese():
    """Its comments and its prose: no line of them is in English alone, and no half-width comma follows a character."""
    assert not re.search(r"[一-鿿][,;:?]|[,;?][一-鿿]", TEXTS[PAGES[1]].replace("`", ""))
    for row in rows(TEXTS[PAGES[1]]):
        assert re.search(r"[一-鿿]", row.what) or len(row.what) < 24, row.what
    headings = [[level for level, _ in HEADING.findall(TEXTS[page])] for page in PAGES]
    assert headings[0] == headings[1]


@pytest.mark.parametrize("page", PAGES)
def test_every_number_of_an_example_is_the_one_that_it_printed(page):
    found = EXAMPLE.findall(TEXTS[page])
    assert len(found) == len(re.findall(r"^- \[\d\d_", TEXTS[page], re.MULTILINE)) > 80
    for script, _, number in found:
        assert f": got {number}, expected " in LAST_LINES[script], script


@pytest.mark.parametrize("page", PAGES)
def test_every_perplexity_of_the_book_stands_in_its_table(page):
    table = dict(
        re.findall(r"^\| ([^|]+) \| ([\d.]+) \| [^|]+ \| [^|]+ \|", text_of("docs/performance.md"), re.MULTILINE)
    )
    found = BOOK.findall(TEXTS[page])
    assert len(found) == TEXTS[page].count("](performance.md#a-real-book)") == 10
    assert {model: number for model, _, number in found}.items() <= table.items()


@pytest.mark.parametrize("page", PAGES)
def test_the_notes_speeds_stand_beside_ours(page):
    for theirs in ("76,623.6", "288,387.8", "9,968.4", "14,418.1"):
        assert theirs in TEXTS[page]
    for ours in ("136,865", "298,412", "320,921"):
        assert ours in TEXTS[page]
        assert ours in text_of("docs/performance.md")
    assert "298,412" in text_of("README.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_label_and_every_anchor_is_there(page):
    for label, name in re.findall(r"\[([A-Z]\d+)\]\(derivations/(\w+)\.md\)", TEXTS[page]):
        assert f"({label})" in text_of(f"docs/derivations/{name}.md"), label
    for target, anchor in re.findall(r"\]\(([\w.]*)#([^)]+)\)", TEXTS[page]):
        headings = re.findall(r"^#+ (.*)$", text_of(f"docs/{target}") if target else TEXTS[page], re.MULTILINE)
        assert anchor in [slug(heading) for heading in headings], f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_headings_differ_so_that_anchors_do(page):
    anchors = [slug(title) for _, title in HEADING.findall(TEXTS[page])]
    assert len(anchors) == len(set(anchors)) > 60


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_npseq_exists(page):
    names = set(re.findall(r"`ns((?:\.\w+)+)", TEXTS[page]))
    assert len(names) > 35
    for name in names:
        thing = ns
        for part in name.split(".")[1:]:
            thing = getattr(thing, part)
    flags = {field.name.replace("_", "-") for field in dataclasses.fields(ns.training.TrainingConfig)} | {"out"}
    assert set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", BLOCK.sub("", TEXTS[page]))) <= flags


NAMES = """
read_time_machine tokenize Vocab load_data_time_machine seq_data_iter_random seq_data_iter_sequential F.one_hot
get_params init_rnn_state begin_state rnn RNNModelScratch RNNModel rnn_layer predict_ch8 grad_clipping train_epoch_ch8
train_ch8 use_random_iter train_random_iter Animator Accumulator Timer d2l.sgd try_gpu CrossEntropyLoss detach_
SimpleRNNCell GradientTape glorot_uniform sequence_mask pad_sequence pack_padded_sequence pad_packed_sequence collate_fn
DataLoader MaskedSoftmaxCELoss num_directions SparseCategoricalCrossentropy get_initial_state trainable_variables
np.random.choice idx_to_token W_ya W_hq"""


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_of_the_notes_code_is_in_the_index(page, name):
    index = TEXTS[page].split("\n## ")[-2]
    assert f"`{name}`" in index
