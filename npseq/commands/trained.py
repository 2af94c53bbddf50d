"""A command takes a model by a run's folder or by its file."""

from pathlib import Path
from typing import Any

from npseq.files import as_path


def load(model: str) -> Any:
    """Returns the npseq.training.checkpoint.Trained of a file, or the best of a folder, which has a vocabulary."""
    from npseq.training.checkpoint import load_trained

    trained = load_trained(model_file(model, best=True))
    if trained.model.vocab is None:
        raise ValueError(f"{model!r} must hold a model with a vocabulary, it knows only how many tokens there are")
    return trained


def model_file(model: str, *, best: bool = False) -> Path:
    """Returns the model's file; best: of a run, the model that was best on the held-out text, where there is one."""
    from npseq.training.folder import BEST, MODEL

    path = as_path(model, "the model")
    if not path.is_dir():
        return path
    return path / BEST if best and (path / BEST).is_file() else path / MODEL
