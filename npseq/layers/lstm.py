"""The LSTM layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq import cells
from npseq.arguments import flag, integer
from npseq.layers.recurrent import Recurrent


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; equations L1 to L7 of npseq.cells.lstm).

    Its state is a pair (h, c).
    """

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
        peepholes: bool = False,
        proj_size: int = 0,
    ):
        """
        input_size: D, or the number of token ids. hidden_size: H. num_layers: L, each reading the one below.
        bidirectional: whether each layer also runs from the last step to the first. bias: whether there are biases.
        dropout: probability with which training zeroes a feature between layers. dtype: of parameters and states.
        rng: seed or Generator of the initial values U(-1/sqrt(H), 1/sqrt(H)), PyTorch's, and of dropout.
        peepholes: whether i, f and o see the cell state (Gers et al. 2002).
        proj_size: P > 0 makes h a projection of that size (Sak et al. 2014); 0 is none.
        Raises ValueError where a size, an option or a probability does not hold.
        """
        hidden_size = integer("hidden_size", hidden_size)
        if (
            isinstance(proj_size, bool)
            or not isinstance(proj_size, (int, np.integer))
            or not 0 <= proj_size < hidden_size
        ):
            raise ValueError(f"proj_size must be an integer in [0, hidden_size), 0 for none, got {proj_size!r}")
        super().__init__(
            cells.LSTM(flag("peepholes", peepholes), proj_size > 0),
            input_size,
            hidden_size,
            int(proj_size) or hidden_size,
            num_layers,
            bidirectional,
            bias,
            dropout,
            dtype,
            rng,
        )
