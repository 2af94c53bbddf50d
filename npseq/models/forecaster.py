"""Forecasters predict the next value of a series, from a window of the last ones or from a state."""

from typing import Any

import numpy as np

from npseq.activations import drelu, relu
from npseq.arguments import amount, array, finite, flag, integer
from npseq.backend import Array, array_module, drawing, generator
from npseq.cell import Cell
from npseq.initializers import xavier_uniform
from npseq.layers import Linear
from npseq.layers.batch import check_array
from npseq.layers.bidirectional import check_forward_only
from npseq.layers.recurrent import Recurrent
from npseq.losses import mean_squared_error
from npseq.models.cells import check_cell_options, layer_of
from npseq.models.model import Model
from npseq.optim.optimizer import check_optimizer
from npseq.parameters import Parameters
from npseq.protocols import OptimizerLike


class Forecaster(Model):
    """The autoregressive model x_t = f(x_{t-lags}, ..., x_{t-1}), f a perceptron with one hidden layer of ReLUs.

        h = relu(x W_1 + b_1),  f(x) = h W_2 + b_2

    W_1 and W_2 start as Xavier's uniform ones, biases as PyTorch's (Dive into Deep Learning, "Sequence Models").
    params: "hidden.W" (lags, H), "hidden.b" (H,), "output.W" (H, 1), "output.b" (1,).

    Args:
        lags: how many values the model sees, tau of Dive into Deep Learning.
        hidden_size: H units.
        dtype: of the parameters.
        rng: a seed or a Generator, of the initial values.

    Raises:
        ValueError: if a size is not positive.

    Example:
        >>> ns.models.Forecaster(4, rng=0).predict(np.zeros((7, 4), np.float32)).shape
        (7,)
    """

    hidden: Linear
    output: Linear

    def __init__(self, lags: int = 4, hidden_size: int = 10, *, dtype: Any = np.float32, rng: Any = None):
        with drawing(rng) as rng:
            self.lags = integer("lags", lags)
            hidden = Linear(lags, hidden_size, dtype=dtype, rng=rng)
            output = Linear(hidden_size, 1, dtype=dtype, rng=rng)
            for layer in (hidden, output):
                layer.params["W"] = xavier_uniform(layer.params["W"].shape, rng, dtype)
            self._join({"hidden": hidden, "output": output})

    def predict(self, windows: Array) -> Array:
        """Returns the value (N,) after each of the windows.

        Args:
            windows: (N, lags).
        """
        finite("windows", windows)
        return self.output.forward(relu(self.hidden.forward(windows)[0]))[0][:, 0]

    def loss(self, windows: Array, targets: Array, *, training: bool = False) -> tuple[Array, Parameters]:
        """Returns the mean squared error of targets after windows, without a factor 1/2, and its gradients.

        Args:
            windows: (N, lags).
            targets: (N,).
            training: changes nothing, since there is no dropout.

        Raises:
            TypeError, ValueError: if a shape or a dtype does not fit.
        """
        flag("training", training)
        z, hidden_tape = self.hidden.forward(finite("windows", windows))
        h = relu(z)
        prediction, output_tape = self.output.forward(h, copy=False)
        check_array("targets", finite("targets", targets), (len(windows),), self.dtype, array_module(self.params.flat))
        loss, dprediction = mean_squared_error(prediction[:, 0], targets)
        grads, own = self._gradients()
        dh, _ = self.output.backward(dprediction[:, None], output_tape, **own["output"])
        self.hidden.backward(dh * drelu(h), hidden_tape, **own["hidden"])
        return loss, grads

    def fit(
        self,
        windows: Array,
        targets: Array,
        optimizer: OptimizerLike,
        *,
        epochs: int = 5,
        batch_size: int = 16,
        rng: Any = None,
    ) -> list[float]:
        """Trains on shuffled minibatches and returns the loss on all pairs after each epoch. Writes params.

        Args:
            windows: (N, lags).
            targets: (N,).
            optimizer: one of ns.optim.
            epochs: how often all pairs are read.
            batch_size: pairs of a minibatch; the last of an epoch may have fewer.
            rng: a seed or a Generator, of the order.
        """
        epochs, batch_size = integer("epochs", epochs), integer("batch_size", batch_size)
        check_optimizer(optimizer, self.params)
        self.loss(windows, targets)  # before the order is drawn
        xp = array_module(windows)
        rng, losses = generator(rng), []
        for _ in range(epochs):
            order = xp.asarray(rng.permutation(len(windows)))
            for start in range(0, len(windows), batch_size):
                rows = order[start : start + batch_size]
                self.step(windows[rows], targets[rows], optimizer=optimizer)
            losses.append(float(mean_squared_error(self.predict(windows), targets)[0]))
        return losses


class LatentForecaster(Model):
    """The latent autoregressive model: h_t = g(h_{t-1}, x_{t-1}), x_t = h_t W + b; g an RNN, a GRU or an LSTM.

    It sees all values before x_t, through its state. x (T, B, F): F features a step, B series side by side.
    params: the recurrent layer's as "recurrent.W_xh", ..., then "output.W" (H, F), "output.b" (F,).

    Args:
        features: F features.
        cell: "rnn", "gru" or "lstm"; or a cell of one's own, MyCell(); or a recurrent layer, which has its own options.
        hidden_size: H units.
        num_layers: L layers.
        dtype: of the parameters.
        rng: a seed or a Generator, of the initial values.

    Raises:
        ValueError: if cell is another one, or a size is not positive.

    Example:
        >>> model = ns.models.LatentForecaster(2, rng=0)
        >>> model.forecast(np.zeros((9, 3, 2), np.float32), steps=4).shape
        (4, 3, 2)
    """

    recurrent: Recurrent
    output: Linear

    def __init__(
        self,
        features: int = 1,
        cell: str | Cell | Recurrent = "gru",
        hidden_size: int = 16,
        num_layers: int = 1,
        *,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        check_cell_options(
            cell, {"hidden_size": hidden_size, "num_layers": num_layers, "dtype": dtype}, LatentForecaster
        )
        with drawing(rng) as rng:
            recurrent = layer_of(cell, features, hidden_size, num_layers, dtype=dtype, rng=rng)
            check_forward_only(recurrent)
            output = Linear(recurrent.output_size, features, dtype=recurrent.dtype, rng=rng)
            self._join({"recurrent": recurrent, "output": output})

    def predict(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        """Predicts one step ahead: returns the values (T, B, F) that follow each of x, and the state after the last.

        Args:
            x: (T, B, F).
            state: the one before x; None is zeros.
        """
        return self._predict(self._series("x", x), state)

    def _predict(self, x: Array, state: Any) -> tuple[Array, Any]:
        y, state, _ = self.recurrent.forward(x, state)
        return self.output.forward(y)[0], state

    def _series(self, name: str, x: Array) -> Array:
        """Returns x. Raises TypeError or ValueError where it holds no finite floating numbers, of three axes."""
        if array(name, x).dtype.kind not in "fc":
            raise TypeError(f"{name} must be floating, got {x.dtype}; pass {name}.astype({self.dtype.name!r})")
        if x.ndim != 3:
            raise ValueError(f"{name} must have shape (T, B, {self.recurrent.input_size}), got {x.shape}")
        return finite(name, x)

    def loss(self, x: Array, warm_up: int = 0, *, training: bool = False) -> tuple[Array, Parameters]:
        """Returns the mean squared error of x[1:] after x[:-1], from a state of zero, and its gradients.

        Args:
            x: (T, B, F).
            warm_up: so many predictions at the start only form the state; their errors do not count.
            training: changes nothing, since there is no dropout.

        Raises:
            ValueError: if no prediction is left that counts.
        """
        flag("training", training)
        if not integer("warm_up", warm_up, least=0) < len(self._series("x", x)) - 1:
            raise ValueError(f"x must have at least warm_up + 2 = {warm_up + 2} steps, got {len(x)}")
        y, _, tape = self.recurrent.forward(x[:-1], training=training)
        prediction, output_tape = self.output.forward(y, copy=False)
        loss, dcounted = mean_squared_error(prediction[warm_up:], x[1 + warm_up :])
        dprediction = array_module(x).zeros_like(prediction)
        dprediction[warm_up:] = dcounted
        grads, own = self._gradients()
        dy, _ = self.output.backward(dprediction, output_tape, **own["output"])
        self.recurrent.backward(dy, tape, **own["recurrent"])
        return loss, grads

    def forecast(self, history: Array, steps: int) -> Array:
        """Returns the values (steps, B, F) after history: each prediction is fed back to make the next.

        Args:
            history: (T, B, F).
            steps: how many values to predict.
        """
        steps = amount("steps", steps)
        xp = array_module(self._series("history", history))
        prediction, state = self._predict(history, None)
        out = [prediction[-1:]]
        while len(out) < steps:
            prediction, state = self._predict(out[-1], state)
            out.append(prediction)
        forecast: Array = xp.concatenate(out)
        return forecast
