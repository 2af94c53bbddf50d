"""npseq: recurrent networks with hand-derived backpropagation through time, on NumPy and CuPy."""

__version__ = "0.1.0"
