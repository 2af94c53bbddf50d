"""Real files, each in a few lines, beside what one would have without a network: python -m benchmarks.own_data

Texts: held-out bits a character beside the best n-gram of order 3 to 5, whose smoothing is chosen on the held-out text
itself. Series: root mean squared error of forecasts of 1 to 12 steps on the held-out end, beside the better naive one.
Labels: accuracy on a fifth that was not learnt, beside the most frequent label. Pairs: the share that is right to the
last letter. Files that are not here are left out: The Time Machine, sunspots and CO2 need NPSEQ_DATA; folk songs need
music21, employment and temperatures vega_datasets, words textblob, all of which are data that their wheels carry.
"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import keyword
import os
import sys
import time
import tokenize
import unicodedata
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import npseq as ns
from benchmarks import machine

EPOCHS = {"text": 8, "series": 100, "labels": 8}
MOST = 200_000  # characters of a text, of which a tenth is held out


def package(name: str, path: str) -> Path:
    """A file that a package carries."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(name)
    return Path(spec.submodule_search_locations[0], path)


def data(name: str) -> Path:
    return Path(os.environ.get("NPSEQ_DATA", "no folder"), name)


def text(content: str) -> dict[str, Any]:
    content = content[:MOST]
    vocab = ns.data.Vocabulary(list(content))
    model = ns.LanguageModel(vocab, "lstm", 256, rng=0).fit(content, epochs=EPOCHS["text"], steps=50)
    ids = vocab.encode(content)
    count = round(0.1 * len(ids))
    learnt, held = ids[:-count], ids[-count:]
    counted = {
        order: min(
            ns.models.NGramModel(learnt, vocab, order=order, smoothing=s).perplexity(held) for s in (1, 2, 5, 10, 20)
        )
        for order in (3, 4, 5)
    }
    order = min(counted, key=lambda k: counted[k])
    return {
        "tokens": len(ids), "unit": "bits a character", "npseq": -model.score(held),
        "without": float(np.log2(counted[order])), "baseline": f"{order}-gram", "best_epoch": model.best_epoch_,
    }  # fmt: skip


def series(source: Any, season: int | None = None, **options: Any) -> dict[str, Any]:
    read = ns.data.read_series(source, **options)
    model = ns.models.SeriesForecaster("lstm", season=season, rng=0).fit(read, epochs=EPOCHS["series"])
    found = model.compare()
    own = found.pop("model")
    name = min(found, key=lambda k: found[k])
    missing = int(read.missing.sum())
    return {"tokens": len(read.values), "missing": missing, "unit": "error", "npseq": own, "without": found[name],
            "baseline": name}  # fmt: skip


def labels(read: ns.data.Labelled, kind: Any = ns.models.Classifier, **options: Any) -> dict[str, Any]:
    learnt, test = read.split(0.2)
    model = kind("lstm", read.labels, vocab=read.vocab, bidirectional=True, rng=0, **options)
    model.fit(learnt, epochs=EPOCHS["labels"])
    return {"tokens": len(read.lengths), "unit": "accuracy", "npseq": model.score(test), "without": test.majority(),
            "baseline": "most frequent"}  # fmt: skip


def pairs(given: list[tuple[str, str]]) -> dict[str, Any]:
    order = np.random.default_rng(0).permutation(len(given))
    read = ns.data.load_pairs([given[k] for k in order], token="char")
    learnt, test = read.split(round(0.85 * len(given)))
    model = ns.models.Seq2Seq(read.source_vocab, read.target_vocab, "gru", 16, 64, 1, rng=0).fit(learnt, epochs=12)
    return {"tokens": len(given), "unit": "exact", "npseq": model.score(test), "without": 0.0, "baseline": "none"}


def topics() -> str:
    from pydoc_data.topics import topics as held

    return "\n".join(held[key] for key in sorted(held))


def lines() -> ns.data.Labelled:
    rows = [line for line in topics().splitlines() if len(line.strip()) > 20]
    return ns.data.load_labelled(
        [(line.strip(), "code" if line.startswith("   ") else "prose") for line in rows], lower=False
    )


def source_code() -> str:
    import ast as a
    import asyncio.base_events as b
    import datetime as c
    import logging as d
    import typing as e

    return "\n".join(inspect.getsource(module) for module in (argparse, a, b, c, d, e, inspect))


def tokens() -> ns.data.Labelled:
    kinds = {tokenize.NAME: "name", tokenize.OP: "operator", tokenize.NUMBER: "number", tokenize.STRING: "string"}
    sentences: list[list[tuple[str, str]]] = [[]]
    for found in tokenize.generate_tokens(io.StringIO(inspect.getsource(argparse)).readline):
        if found.type == tokenize.NEWLINE:
            sentences.append([])
        elif found.type in kinds:
            kind = "keyword" if keyword.iskeyword(found.string) else kinds[found.type]
            sentences[-1].append((found.string, kind))
    return ns.data.load_tagged([one for one in sentences if 0 < len(one) < 60])


def words() -> ns.data.Labelled:
    rows = [line.split() for line in package("textblob", "en/en-lexicon.txt").read_text("utf-8").splitlines()]
    rows = [row for row in rows if len(row) == 2 and row[1] in ("NN", "JJ", "VB", "NNP", "NNS", "RB", "VBG", "VBD")]
    return ns.data.load_labelled([tuple(row) for row in rows[::4]], token="char", lower=False)


def hangul() -> list[tuple[str, str]]:
    letters = [chr(code) for code in range(0xAC00, 0xD7A4, 4)]
    return [(unicodedata.normalize("NFD", one), unicodedata.name(one).split()[-1].lower()) for one in letters]


def songs() -> str:
    names = ("altdeu10", "boehme10", "erk20")
    return "\n".join(package("music21", f"corpus/essenFolksong/{name}.abc").read_text("utf-8") for name in names)


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "The Time Machine, a novel": lambda: text(data("timemachine.txt").read_text("utf-8")),
    "seven modules of Python's library, source code": lambda: text(source_code()),
    "Python's help topics, prose and code": lambda: text(topics()),
    "German folk songs, ABC": lambda: text(songs()),
    "sunspots, yearly": lambda: series(data("sunspots_yearly_1700_2008.csv")),
    "CO2 at Mauna Loa, weekly, with gaps": lambda: series(
        data("co2_mauna_loa_weekly_1958_2001.csv"), 52, missing="mask"
    ),
    "US employment, monthly": lambda: series(
        package("vega_datasets", "_data/us-employment.csv"), 12, column="nonfarm", date="month"
    ),
    "Seattle's highest temperature, daily": lambda: series(
        package("vega_datasets", "_data/seattle-weather.csv"), None, column="temp_max", date="date"
    ),
    "lines of Python's help, prose or code": lambda: labels(lines()),
    "English words, parts of speech by letters": lambda: labels(words(), embedding=16),
    "tokens of a Python module, five tags": lambda: labels(tokens(), ns.models.Tagger),
    "Hangul syllables to Latin letters": lambda: pairs(hangul()),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json")
    parser.add_argument("--only", metavar="WORD", help="only files whose name has it; a saved result keeps the others")
    options = parser.parse_args()
    found = {}
    for name, case in CASES.items():
        if options.only is not None and options.only not in name:
            continue
        begun = time.process_time()
        try:
            with threadpool_limits(1):
                found[name] = {**case(), "cpu_seconds": 0.0}
        except FileNotFoundError as error:
            print(f"{name}: left out, {error}", flush=True)
            continue
        found[name]["cpu_seconds"] = time.process_time() - begun
        print(name, found[name], flush=True)
    if options.save:
        path = machine.RESULTS / f"{options.save}.json"
        kept = json.loads(path.read_text())["results"] if options.only is not None and path.is_file() else {}
        results = {name: {**kept, **found}[name] for name in CASES if name in {**kept, **found}}
        print(machine.save(options.save, {"machine": machine.describe(1), "results": results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
