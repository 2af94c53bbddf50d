"""PyTorch, by its names and layout."""

from npseq.interop import torch

__all__ = ["torch"]
