"""docs/experiments.md: what truncation regularises, from the numbers that were kept."""

import json
import re

import numpy as np
from printed import text_of


def test_what_truncation_regularises():
    kept = json.loads(text_of("benchmarks/results/truncation.json"))["curves"]
    last = {arm: np.array(curves)[:, -1] for arm, curves in kept.items()}  # (seeds, 2): on the new text, while learning
    over = {arm: ends[:, 0] / ends[:, 1] for arm, ends in last.items()}
    found = [
        f"{over['full'].mean():.3f}",
        f"{over['regular'].mean():.3f}",
        f"{(over['regular'] < over['full']).sum()}",
        f"{last['full'][:, 1].mean():.2f}",
        *(f"{over[arm].mean():.3f}" for arm in ("truncated", "random", "roulette")),
    ]
    page = text_of("docs/experiments.md")
    (paragraph,) = re.findall(r"Truncation is also said to regularise.*?\n\n", page, re.DOTALL)
    assert re.findall(r"\*\*(\S+?)\*\*", paragraph) == found
    assert f"{last['regular'][:, 1].mean():.2f}" == f"{last['full'][:, 1].mean():.2f}"
