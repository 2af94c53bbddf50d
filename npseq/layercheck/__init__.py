"""The gradient checker is applied to layers: to every tensor of forward and backward; it names the wrong step."""

from npseq.layercheck.check import gradcheck_layer

__all__ = ["gradcheck_layer"]
