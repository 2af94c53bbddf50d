"""This package trains a language model: one epoch, or a run whose checkpoints let it continue to the same bits."""

from npseq.models.fitting import NonFiniteLoss
from npseq.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from npseq.training.config import TrainingConfig
from npseq.training.epoch import Epoch
from npseq.training.interrupts import Interrupted
from npseq.training.loop import train_epoch
from npseq.training.metrics import EpochMetrics
from npseq.training.position import Position
from npseq.training.run import Run
from npseq.training.train import train

__all__ = [
    "Checkpoint",
    "Epoch",
    "EpochMetrics",
    "Interrupted",
    "NonFiniteLoss",
    "Position",
    "Run",
    "TrainingConfig",
    "load_checkpoint",
    "save_checkpoint",
    "train",
    "train_epoch",
]
