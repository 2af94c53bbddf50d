"""A command takes a model by a run's folder or by its file."""

from pathlib import Path
from typing import Any

from npseq.files import as_path


def load(model: str) -> Any:
    """Returns the npseq.training.checkpoint.Trained of a folder or a file, whose model has a vocabulary."""
    from npseq.training.checkpoint import load_trained

    trained = load_trained(model_file(model))
    if trained.model.vocab is None:
        raise ValueError(f"{model!r} must hold a model with a vocabulary, it knows only how many tokens there are")
    return trained


def model_file(model: str) -> Path:
    """Returns the model's file."""
    from npseq.training.folder import MODEL

    path = as_path(model, "the model")
    return path / MODEL if path.is_dir() else path
