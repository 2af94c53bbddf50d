"""A command takes a model by a run's folder or by its file."""

from pathlib import Path
from typing import Any


def load(model: str) -> tuple[Any, Any]:
    """Returns the model of a folder or a file, and the run's configuration, None for a model saved without a run."""
    from npseq.training.checkpoint import load_trained

    network, config = load_trained(model_file(model))
    if network.vocab is None:
        raise ValueError(f"{model!r} must hold a model with a vocabulary, it knows only how many tokens there are")
    return network, config


def model_file(model: str) -> Path:
    """Returns the model's file."""
    from npseq.training.run import MODEL

    path = Path(model)
    return path / MODEL if path.is_dir() else path
