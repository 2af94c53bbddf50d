"""`npseq inspect` prints and draws where the gradient of a run, or of cells, comes from."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.bar import parts
from npseq.commands.failure import bad_input
from npseq.commands.flags import CELLS, CORPORA, OneText, number, text_file
from npseq.commands.trained import load, model_file
from npseq.files import as_path

DEFAULT_OUT = "npseq-inspect"


def add(commands: Any) -> None:
    about = "the gradient by lag, by step and by pair, what truncation costs, gates and Jacobians"
    parser = commands.add_parser("inspect", help=about, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.usage = "npseq inspect [RUN] [--text FILE | --corpus NAME] [flags]"
    parser.add_argument("model", metavar="RUN", nargs="?", default=None, help="the folder of a run (default: none)")
    parser.add_argument("--cell", dest="cells", action="append", choices=CELLS, help="one or more (default: all)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--text", metavar="FILE", action=OneText, help="a UTF-8 text file to read; of a run, its own again"
    )
    source.add_argument("--corpus", metavar="NAME", choices=CORPORA, help=" or ".join(CORPORA))
    for name, about in (
        ("hidden-size", "hidden units of the cells (default: 64)"),
        ("steps", "time steps of the gradient (default: 100; of a run, as in training)"),
        ("batch-size", "sequences, spread over the text (default: 4)"),
        ("epochs", "epochs trained first, a run anew (default: 10, fewer of a long text)"),
        ("seed", "of the cells' weights (default: 0)"),
        ("max-lag", "lags shown apart (default: all)"),
    ):
        parser.add_argument(f"--{name}", metavar="N", type=number(int), help=about)
    parser.add_argument("--hidden", dest="hidden_size", type=number(int), help=argparse.SUPPRESS)  # its earlier name
    parser.add_argument("--html", action="store_true", default=False, help="one page to explore, in place of figures")
    parser.add_argument(
        "--out", metavar="DIR", default=None, help="for figures (default: npseq-inspect, or RUN/inspect)"
    )
    parser.set_defaults(command=inspect)


def inspect(model: str | None, out: str | None, json: bool = False, html: bool = False, **given: Any) -> None:
    """Prints and draws where a gradient comes from: of a run before and after training, or of cells by name."""
    from npseq.commands.inspection import inspect_cells, inspect_run
    from npseq.plot import is_ours
    from npseq.training import load_checkpoint
    from npseq.training.heldout import split
    from npseq.training.resumption import text_of

    with bad_input(), parts(quiet=json) as say:
        usual = DEFAULT_OUT if model is None else str(Path(model, "inspect"))
        folder = as_path(usual if out is None else out, "--out")
        if out is None and folder.is_symlink():
            raise ValueError(f"{str(folder)!r} must be a folder, it is a symbolic link; name where it leads with --out")
        if "text" in given:
            given["corpus"] = text_file(given.pop("text"))
        if html and model is None:
            raise ValueError("--html must have a run to explain: npseq inspect RUN --html")
        if model is None:
            table = inspect_cells(given.pop("cells", CELLS), folder, **given, say=say)
        elif theirs := sorted({"cells", "hidden_size", "seed"} & given.keys()):
            raise ValueError(f"a run has its own cell, hidden_size and seed, got {', '.join(theirs)} beside it")
        elif load(model).config is None:
            raise ValueError(f"{model!r} must hold a training run to look into, it holds a model alone")
        else:
            run = load_checkpoint(model_file(model))
            again = {"corpus": given.pop("corpus")} if "corpus" in given else {}
            ids, vocabulary = text_of(run, replace(run.config, **again), model, given=bool(again))
            if html:
                _page(run, (split(run.config, ids, vocabulary)[0], vocabulary), folder, json, **given)
                return
            table = inspect_run(run, (split(run.config, ids, vocabulary)[0], vocabulary), folder, **given, say=say)
    figures = sorted(path.name for path in folder.glob("*.png") if is_ours(path))
    found = {"cases": table.numbers, "table": str(table), "figures": [str(folder / name) for name in figures]}
    answer(f"{table}\n\nfigures in {folder}: {', '.join(figures)}", found, json)


def _page(run: Any, text: Any, folder: Path, json: bool, **given: Any) -> None:
    """Writes the page of a run, inspect.html in the folder."""
    from npseq.commands.inspection import page_of_run
    from npseq.files import make_folder

    if others := sorted(given.keys() - {"steps", "batch_size"}):
        raise ValueError(f"--html takes --steps and --batch-size, got {', '.join(others)} beside it")
    page = page_of_run(run, text, **given)
    make_folder(folder)
    page.save(folder / "inspect.html")
    answer(f"wrote {folder / 'inspect.html'}", {"page": str(folder / "inspect.html")}, json)
