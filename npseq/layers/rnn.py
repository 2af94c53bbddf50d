"""The RNN layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq import cells
from npseq.arguments import one_of
from npseq.layers.recurrent import Recurrent


class RNN(Recurrent):
    """h' = phi(x W_xh + h W_hh + b_h), phi tanh or relu (Elman 1990; equations R1, R2 of npseq.cells.rnn)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bidirectional: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        """
        input_size: D, or the number of token ids. hidden_size: H. num_layers: L, each reading the one below.
        bidirectional: whether each layer also runs from the last step to the first. bias: whether there are biases.
        dropout: probability with which training zeroes a feature between layers. dtype: of parameters and states.
        rng: seed or Generator of the initial values U(-1/sqrt(H), 1/sqrt(H)), PyTorch's, and of dropout.
        nonlinearity: "tanh" or "relu".
        Raises ValueError where a size, an option or a probability does not hold.
        """
        one_of("nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(
            cells.RNN(nonlinearity),
            input_size,
            hidden_size,
            hidden_size,
            num_layers,
            bidirectional,
            bias,
            dropout,
            dtype,
            rng,
        )
