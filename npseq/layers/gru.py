"""The GRU layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq import cells
from npseq.arguments import one_of
from npseq.layers.recurrent import Recurrent


class GRU(Recurrent):
    """The gated recurrent unit (Cho et al. 2014; equations G1 to G7 of npseq.cells.gru). z near 1 keeps h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: Any = None,
        reset: str = "after",
    ):
        """
        input_size: D, or the number of token ids. hidden_size: H. num_layers: L, each reading the one below.
        bidirectional: whether each layer also runs from the last step to the first. bias: whether there are biases.
        dropout: probability with which training zeroes a feature between layers. dtype: of parameters and states.
        rng: seed or Generator of the initial values U(-1/sqrt(H), 1/sqrt(H)), PyTorch's, and of dropout.
        reset: "after" the product W_hn, PyTorch's and cuDNN's way, or "before" it, the paper's and the notes'.
        Raises ValueError where a size, an option or a probability does not hold.
        """
        one_of("reset", reset, ("after", "before"))
        super().__init__(
            cells.GRU(reset), input_size, hidden_size, hidden_size, num_layers, bidirectional, bias, dropout, dtype, rng
        )
