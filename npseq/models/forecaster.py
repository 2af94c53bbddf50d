"""Models of a series: the next value from a window of the last ones, or from a state (A02, A06 of the notes)."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq.activations import drelu, relu
from npseq.arguments import integer, one_of
from npseq.backend import Array, array_module, generator
from npseq.initializers import xavier_uniform
from npseq.layers import GRU, LSTM, RNN, Linear
from npseq.layers.batch import check_array
from npseq.losses import mean_squared_error
from npseq.models.model import Model
from npseq.optim import Optimizer
from npseq.parameters import Parameters


class Forecaster(Model):
    """The autoregressive model x_t = f(x_{t-lags}, ..., x_{t-1}), f a perceptron with one hidden layer of ReLUs.

        h = relu(x W_1 + b_1),  f(x) = h W_2 + b_2

    lags: tau of the notes. W_1 and W_2 start as Xavier's uniform ones, biases as PyTorch's, as in d2l's "Sequence
    Models". params: "hidden.W" (lags, H), "hidden.b" (H,), "output.W" (H, 1), "output.b" (1,).
    """

    parts = ("hidden", "output")

    def __init__(self, lags: int = 4, hidden_size: int = 10, dtype: Any = np.float32, rng: Any = None):
        rng = generator(rng)
        self.lags = integer("lags", lags)
        self.hidden = Linear(lags, hidden_size, dtype=dtype, rng=rng)
        self.output = Linear(hidden_size, 1, dtype=dtype, rng=rng)
        for layer in (self.hidden, self.output):
            layer.params["W"] = xavier_uniform(layer.params["W"].shape, rng, dtype)
        self._join()

    def predict(self, windows: Array) -> Array:
        """The value (N,) after each of windows (N, lags)."""
        return self.output.forward(relu(self.hidden.forward(windows)[0]))[0][:, 0]

    def loss(self, windows: Array, targets: Array, training: bool = False) -> tuple[Array, Parameters]:
        """The mean squared error of targets (N,) after windows (N, lags), without a factor 1/2, and its gradients.

        training changes nothing: there is no dropout. Raises TypeError or ValueError for other shapes or dtypes.
        """
        z, hidden_tape = self.hidden.forward(windows)
        h = relu(z)
        prediction, output_tape = self.output.forward(h)
        check_array("targets", targets, (len(windows),), self.dtype, array_module(self.params.flat))
        loss, dprediction = mean_squared_error(prediction[:, 0], targets)
        dh, doutput = self.output.backward(dprediction[:, None], output_tape)
        _, dhidden = self.hidden.backward(dh * drelu(h), hidden_tape)
        return loss, self._gather({"hidden": dhidden, "output": doutput})

    def fit(
        self,
        windows: Array,
        targets: Array,
        optimizer: Optimizer,
        epochs: int = 5,
        batch_size: int = 16,
        rng: Any = None,
    ) -> list[float]:
        """Trains on shuffled minibatches, the last of an epoch maybe smaller; the loss on all pairs after each epoch.

        windows (N, lags), targets (N,). The parameters are written in place.
        """
        integer("epochs", epochs)
        rng, losses = generator(rng), []
        for _ in range(epochs):
            order = array_module(windows).asarray(rng.permutation(len(windows)))
            for start in range(0, len(windows), integer("batch_size", batch_size)):
                rows = order[start : start + batch_size]
                self.step(windows[rows], targets[rows], optimizer=optimizer)
            losses.append(float(mean_squared_error(self.predict(windows), targets)[0]))
        return losses


class LatentForecaster(Model):
    """The latent autoregressive model: h_t = g(h_{t-1}, x_{t-1}), x_t = h_t W + b; g an RNN, a GRU or an LSTM.

    It sees all values before x_t, through its state. x (T, B, F): F features a step, B series side by side.
    params: the recurrent layer's as "recurrent.W_xh", ..., then "output.W" (H, F), "output.b" (F,).
    """

    parts = ("recurrent", "output")

    def __init__(
        self,
        features: int = 1,
        cell: str = "gru",
        hidden_size: int = 16,
        num_layers: int = 1,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        one_of("cell", cell, ("rnn", "gru", "lstm"))
        rng = generator(rng)
        layer: Any = {"rnn": RNN, "gru": GRU, "lstm": LSTM}[cell]
        self.recurrent = layer(features, hidden_size, num_layers, dtype=dtype, rng=rng)
        self.output = Linear(hidden_size, features, dtype=dtype, rng=rng)
        self._join()

    def predict(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        """One step ahead: the values (T, B, F) that follow each of x (T, B, F), and the state after the last of x."""
        y, state, _ = self.recurrent.forward(x, state)
        return self.output.forward(y)[0], state

    def loss(self, x: Array, warm_up: int = 0, training: bool = False) -> tuple[Array, Parameters]:
        """The mean squared error of x[1:] after x[:-1], from a state of zero, and its gradients.

        warm_up: so many predictions at the start only form the state; their errors do not count.
        Raises ValueError where none is left that counts.
        """
        if not 0 <= warm_up < len(x) - 1:
            raise ValueError(f"x must have at least warm_up + 2 = {warm_up + 2} steps, got {len(x)}")
        y, _, tape = self.recurrent.forward(x[:-1], training=training)
        prediction, output_tape = self.output.forward(y)
        loss, dcounted = mean_squared_error(prediction[warm_up:], x[1 + warm_up :])
        dprediction = array_module(x).zeros_like(prediction)
        dprediction[warm_up:] = dcounted
        dy, doutput = self.output.backward(dprediction, output_tape)
        _, _, drecurrent = self.recurrent.backward(dy, tape)
        return loss, self._gather({"recurrent": drecurrent, "output": doutput})

    def forecast(self, history: Array, steps: int) -> Array:
        """The values (steps, B, F) after history (T, B, F): each prediction is fed back to make the next (A40)."""
        integer("steps", steps)
        prediction, state = self.predict(history)
        out = [prediction[-1:]]
        while len(out) < steps:
            prediction, state = self.predict(out[-1], state)
            out.append(prediction)
        return array_module(history).concatenate(out)
