"""A checkpoint is a model file that also holds everything that a run needs to continue to the same bits.

The metrics of the epochs are part of it, so one file, replaced as a whole, says how far a run has come.
"""

import json
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import instance
from npseq.backend import to_host
from npseq.files import Content, damage_in, write_content
from npseq.models.language_model import LanguageModel
from npseq.models.whole import content_of, read_model
from npseq.training.config import TrainingConfig, make_optimizer
from npseq.training.metrics import EpochMetrics, as_array, from_array
from npseq.training.position import Position, from_content, to_content

OPTIMIZER, METRICS = "optimizer/", "training/metrics"
OF_BEST = {"config", "text_digest"}  # what says of a best model which text it has learnt
COLUMNS = (len(EpochMetrics._fields) - 1, len(EpochMetrics._fields))  # older files have no held-out perplexity


class Checkpoint(NamedTuple):
    """A run after len(metrics) epochs, and after position.step updates of the next if there is a position."""

    config: TrainingConfig  # the options of the run
    model: LanguageModel  # its dropout draws from rng
    optimizer_state: dict[str, Any]  # what Optimizer.state_dict returns
    rng: np.random.Generator  # all random numbers of the run
    metrics: list[EpochMetrics]  # of the epochs so far
    text_digest: str  # SHA-256 of the ids
    position: Position | None = None  # in the next epoch, None at its beginning


def save_checkpoint(checkpoint: Checkpoint, path: str | PathLike[str]) -> None:
    """Writes a checkpoint to a file, which `LanguageModel.load` reads too.

    Args:
        checkpoint: the run as it is now.
        path: the file; one of npseq's that was there is replaced as a whole.

    Raises:
        OSError: if the file cannot be written, or npseq did not write it.

    Example:
        >>> run = ns.training.Run.begin(ns.training.TrainingConfig(max_tokens=2000), "begun")
        >>> checkpoint = ns.training.load_checkpoint("begun/model.safetensors")
        >>> ns.training.save_checkpoint(checkpoint, "copy.safetensors")
    """
    instance("checkpoint", checkpoint, Checkpoint, "a Checkpoint of npseq.training")
    write_content(content_of_run(checkpoint), path)


def content_of_run(checkpoint: Checkpoint) -> Content:
    """Returns the content of a checkpoint's file."""
    model = content_of(checkpoint.model)
    arrays = {k: to_host(v) for k, v in checkpoint.optimizer_state.items() if hasattr(v, "shape")}
    position, state = (None, {}) if checkpoint.position is None else to_content(checkpoint.position)
    training = {
        "config": checkpoint.config.to_dict(),
        "optimizer": {k: v for k, v in checkpoint.optimizer_state.items() if k not in arrays},
        "rng": checkpoint.rng.bit_generator.state,
        "text_digest": checkpoint.text_digest,
        "position": position,
    }
    optimizer = {f"{OPTIMIZER}{k}": v for k, v in arrays.items()}
    tensors = {**model.tensors, **optimizer, **state, METRICS: as_array(checkpoint.metrics)}
    return Content(tensors, {**model.metadata, "training": json.dumps(training)})


def load_checkpoint(path: str | PathLike[str]) -> Checkpoint:
    """Returns what `save_checkpoint` wrote, on the host, in the same bits.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: for a file that is damaged, of another kind, or a model saved without a training run.

    Example:
        >>> run = ns.training.Run.begin(ns.training.TrainingConfig(max_tokens=2000), "run")
        >>> ns.training.load_checkpoint("run/model.safetensors").metrics
        []
    """
    rng = np.random.default_rng(0)
    model, content = read_model(LanguageModel, path, rng)  # draws first weights, so the state is set after it
    with damage_in(path):
        training = json.loads(content.metadata.get("training", "{}"))
    if training == {} or (isinstance(training, dict) and training.keys() == OF_BEST):
        raise ValueError(f"{str(path)!r} must be a checkpoint of a training run, it holds a model alone")
    with damage_in(path):
        config = _config(training, model)
        rng.bit_generator.state = training["rng"]
        arrays = {k.removeprefix(OPTIMIZER): v for k, v in content.tensors.items() if k.startswith(OPTIMIZER)}
        state = {**training["optimizer"], **arrays}
        _check_optimizer(config, state, model)
        metrics = _metrics(content.tensors[METRICS], config)
        position = from_content(training.get("position"), content.tensors, model, config)  # older files have none
        if position is not None and len(metrics) == config.epochs:
            raise ValueError(f"its position lies in an epoch after the last of {config.epochs}")
        if state["steps"] < (begun := len(metrics) + (position is not None)) or (state["steps"] and not begun):
            raise ValueError(f"its optimizer has made {state['steps']} steps, in {begun} epochs")
        return Checkpoint(config, model, state, rng, metrics, str(training["text_digest"]), position)


def _config(training: dict[str, Any], model: LanguageModel) -> TrainingConfig:
    config = TrainingConfig.from_dict(training["config"])
    if config.model_options() != model.config:
        raise ValueError("its training has another model than the one it holds")
    return config


def _check_optimizer(config: TrainingConfig, state: dict[str, Any], model: LanguageModel) -> None:
    """Raises ValueError unless this is the state of the configuration's optimizer over the model's parameters."""
    optimizer = make_optimizer(config)
    optimizer.load_state_dict(state)
    wanted = {f"{kind}/" for kind in optimizer.kinds()} if optimizer.steps else set()
    held = state.keys() - {"steps", "lr"}
    if held != wanted or type(state["steps"]) is not int or state["steps"] < 0:
        raise ValueError(f"its optimizer, {config.optimizer} after {state['steps']} steps, keeps {sorted(held)}")
    flat = model.params.flat
    for name in held:
        if state[name].shape != flat.shape or state[name].dtype != flat.dtype:
            raise ValueError(f"its optimizer's {name} must be {flat.shape} {flat.dtype} as its parameters")


def _metrics(rows: np.ndarray, config: TrainingConfig) -> list[EpochMetrics]:
    if rows.ndim != 2 or rows.shape[1] not in COLUMNS or rows.dtype != np.float64:
        raise ValueError(f"its metrics must be float64 (epochs, {COLUMNS[-1]}), they are {rows.shape}")
    if len(rows) > config.epochs or not np.array_equal(rows[:, 0], np.arange(1, len(rows) + 1)):
        raise ValueError(f"its metrics must be those of the first of {config.epochs} epochs, one by one")
    return from_array(rows)


def content_of_best(checkpoint: Checkpoint) -> Content:
    """Returns the content of a file of a run's model that says which text it has learnt, but not how to go on."""
    model = content_of(checkpoint.model)
    training = {"config": checkpoint.config.to_dict(), "text_digest": checkpoint.text_digest}
    return Content(model.tensors, {**model.metadata, "training": json.dumps(training)})


class Trained(NamedTuple):
    """A model, and what says which text it has learnt: None for a model that was saved without a run."""

    model: LanguageModel
    config: TrainingConfig | None
    text_digest: str


def load_trained(path: str | PathLike[str]) -> Trained:
    """Returns the model of a checkpoint, or of a file that holds only a model.

    Raises as LanguageModel.load does.
    """
    model, content = read_model(LanguageModel, path)
    if "training" not in content.metadata:
        return Trained(model, None, "")
    with damage_in(path):
        training = json.loads(content.metadata["training"])
        return Trained(model, _config(training, model), str(training["text_digest"]))
