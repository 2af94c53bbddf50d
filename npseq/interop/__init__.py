"""Weights and gradients are exchanged with PyTorch, Keras and ONNX under their names and in their layouts."""

from npseq.interop import keras, onnx, torch

__all__ = ["keras", "onnx", "torch"]
