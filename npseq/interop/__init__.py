"""PyTorch, Keras and ONNX, by their names and layouts."""

from npseq.interop import keras, onnx, torch

__all__ = ["keras", "onnx", "torch"]
