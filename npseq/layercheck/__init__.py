"""The gradient checker applied to layers: every tensor of forward and backward, and the step that is wrong."""

from npseq.layercheck.check import gradcheck_layer

__all__ = ["gradcheck_layer"]
