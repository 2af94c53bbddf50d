"""This module says in one line what a run learns: its text, its model, and where it is computed."""

import os
from typing import Any

import numpy as np

from npseq.data.reading import place
from npseq.training.config import TrainingConfig
from npseq.training.resources import thread_limit

UNITS = {"char": "characters", "word": "words", "jieba": "words"}
CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


def opening(run: Any) -> str:
    """Returns the line, say "learning book.txt: 90,000 characters, 10,000 more held out; ..."."""
    config, model = run.config, run.model
    letters = "" if config.clean == "none" else ", letters only"
    text = f"{place(config.corpus)}: {len(run.ids):,} {UNITS[config.token]}{letters}{_held_out(run)}"
    count, units = config.num_layers, config.hidden_size
    layers = f"{count} layers of {units}" if count > 1 else f"{units} units"
    both = ", both directions (it sees the tokens that it should predict)" if config.bidirectional else ""
    return (
        f"learning {text}; vocabulary {len(model.vocab)}; {CELLS[config.cell]}, {layers}{both}, "
        f"{model.params.flat.size:,} parameters, {np.dtype(config.dtype).name}; {config.optimizer}, lr "
        f"{config.lr:g} {config.schedule}, {config.epochs} epoch{'s' * (config.epochs != 1)}; {computed_on(config)}"
    )


def _held_out(run: Any) -> str:
    if run.held is None:
        return ""
    of, unknown = run.config.valid, int((run.held == run.model.vocab.unk).sum())
    text = f"of {place(of)}" if isinstance(of, str) else "more"
    return f", {len(run.held):,} {text} held out{f' ({unknown:,} of them unknown)' if unknown else ''}"


def computed_on(config: TrainingConfig) -> str:
    """Returns the device, and the threads of a CPU."""
    if config.device != "cpu":
        return config.device
    threads = thread_limit(config) or os.cpu_count() or 1
    return f"cpu, {threads} thread{'s' * (threads != 1)}"
