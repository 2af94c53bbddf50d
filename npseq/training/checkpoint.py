"""A checkpoint: a model file that also holds all it takes to go on as if nothing had happened.

The epochs' metrics are part of it, so one file, replaced as a whole, says where a run stands.
"""

from __future__ import annotations

import json
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import to_host
from npseq.models.language_model import LanguageModel
from npseq.models.saving import model_content, model_from, read_content, write_content
from npseq.training.config import TrainingConfig
from npseq.training.metrics import EpochMetrics, as_array, from_array

OPTIMIZER, METRICS = "optimizer/", "training/metrics"


class Checkpoint(NamedTuple):
    """A run after len(metrics) epochs.

    model: its dropout draws from rng. optimizer_state: that of Optimizer.state_dict. text_digest: SHA-256 of the ids.
    """

    config: TrainingConfig
    model: LanguageModel
    optimizer_state: dict[str, Any]
    rng: np.random.Generator
    metrics: list[EpochMetrics]
    text_digest: str


def save_checkpoint(checkpoint: Checkpoint, path: str | PathLike[str]) -> None:
    """Writes it to this file, which `LanguageModel.load` reads too; what was there is replaced as a whole."""
    model = model_content(checkpoint.model)
    arrays = {k: to_host(v) for k, v in checkpoint.optimizer_state.items() if hasattr(v, "shape")}
    training = {
        "config": checkpoint.config.to_dict(),
        "optimizer": {k: v for k, v in checkpoint.optimizer_state.items() if k not in arrays},
        "rng": checkpoint.rng.bit_generator.state,
        "text_digest": checkpoint.text_digest,
    }
    kept = {f"{OPTIMIZER}{k}": v for k, v in arrays.items()}
    tensors = {**model.tensors, **kept, METRICS: as_array(checkpoint.metrics)}
    write_content(model._replace(tensors=tensors, metadata={**model.metadata, "training": json.dumps(training)}), path)


def load_checkpoint(path: str | PathLike[str]) -> Checkpoint:
    """What `save_checkpoint` wrote, on the host, the same bits.

    Raises FileNotFoundError where there is no file, ValueError for one that is damaged, of another kind, or a model
    saved without a training run.
    """
    content = read_content(path)
    if "training" not in content.metadata:
        raise ValueError(f"{str(path)!r} must be a checkpoint of a training run, it holds a model alone")
    training = json.loads(content.metadata["training"])
    rng = np.random.default_rng(0)
    model = model_from(content, path, rng)  # draws first weights, so the state is set after it
    rng.bit_generator.state = training["rng"]
    arrays = {k.removeprefix(OPTIMIZER): v for k, v in content.tensors.items() if k.startswith(OPTIMIZER)}
    return Checkpoint(
        TrainingConfig.from_dict(training["config"]),
        model,
        {**training["optimizer"], **arrays},
        rng,
        from_array(content.tensors[METRICS]),
        training["text_digest"],
    )


def load_trained(path: str | PathLike[str]) -> tuple[LanguageModel, TrainingConfig | None]:
    """The model of a checkpoint and its configuration, None where the file holds a model alone.

    Raises as `load_model` does.
    """
    content = read_content(path)
    training = content.metadata.get("training")
    config = None if training is None else TrainingConfig.from_dict(json.loads(training)["config"])
    return model_from(content, path), config
