"""How exactly a run multiplies on a device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from npseq.training.config import TrainingConfig


def precision(config: TrainingConfig) -> AbstractContextManager[Any]:
    """Inside, float32 products as the configuration says: with all their digits unless it has tf32."""
    if config.device == "cpu":
        return nullcontext()
    from npseq.gpu import settings

    return settings(tf32=config.tf32)
