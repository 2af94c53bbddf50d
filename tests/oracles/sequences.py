"""The scalar loops from any step on and from any state on, for derivatives by a state in the middle."""

from __future__ import annotations

import numpy as np
from oracles.recurrent import Network, recorder, run


class Sequences:
    """The sequences b of a batch, one at a time, through layers of one direction; layer and data give numbers alone.

    The state is a flat list of numbers: h of every layer, then c of every layer.
    """

    def __init__(self, cell, layer, data, lengths):
        self.network, self.data, self.lengths = Network(cell, layer.num_layers), data, lengths
        self.params = {name: value.copy() for name, value in layer.params.items()}
        self.h, self.c = data.state if isinstance(data.state, tuple) else (data.state, None)
        self.sizes = [len(row[0]) for part in (self.h, self.c) if part is not None for row in part]
        self.top = sum(self.sizes[: layer.num_layers - 1])
        self.states = {}
        run(self.network, self.params, data.x, self.h, self.c, lengths, recorder(self.states))

    def before(self, b, t):
        """The state before step t as one list of numbers."""
        found = [self.states[l, b, t] for l in range(self.network.layers)]
        return np.array([k for part in range(1 + (self.c is not None)) for state in found for k in state[part]])

    def go_on(self, params, b, t, flat, last):
        """y and the state, flat, after steps t to last - 1."""
        cut = np.split(np.arange(len(flat)), np.cumsum(self.sizes)[:-1])
        rows = [[[flat[k] for k in part]] for part in cut]
        L = self.network.layers
        x = [[self.data.x[u][b]] for u in range(t, last)]
        out = run(self.network, params, x, rows[:L], rows[L:] or None, [last - t])
        state = [k for part in (out.h, out.c if self.c is not None else []) for row in part for k in row[0]]
        return [step[0] for step in out.y], state

    def after(self, b, t):
        if t + 1 < self.lengths[b]:
            return self.before(b, t + 1)
        return np.array(self.go_on(self.params, b, t, list(self.before(b, t)), t + 1)[1])
