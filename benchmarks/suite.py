"""Runs parts of the suite, prints their rows as they come, and leaves JSON, table and plot."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import machine, plots
from benchmarks.record import Settings, line, report, settings_of
from benchmarks.table import table

Part = Callable[[Settings], Iterator[dict[str, Any]]]


def run(parts: dict[str, Part], options: argparse.Namespace, **more: Any) -> list[dict[str, Any]]:
    """The records of all parts; the budget is shared evenly. Written where options.save says so."""
    settings = settings_of(options)
    share = settings._replace(budget=settings.budget / len(parts))
    print(f"{machine.headline(settings.threads)}; a number behind a name is its time over npseq's")
    rows: list[dict[str, Any]] = []
    for name, records in parts.items():
        print(f"\n== {name}, about {share.budget:.0f} s of measuring", flush=True)
        for row in records(share):
            rows.append(row)
            print(line(row), flush=True)
    finish(rows, options, **more)
    return rows


def finish(rows: list[dict[str, Any]], options: argparse.Namespace, **more: Any) -> None:
    """Prints the table; writes the files that are asked for."""
    content = report(rows, options.threads, **more)
    text = table(content)
    print(f"\n{text}")
    if options.save:
        path = machine.save(options.save, content)
        path.with_suffix(".md").write_text(text + "\n")
        figures = plots.all_of(content, path.with_suffix(""))
        print(f"\n{path}, {path.with_suffix('.md').name}, {', '.join(figure.name for figure in figures)}")
