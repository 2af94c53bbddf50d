"""A forecaster predicts the next value of a series from a window of the last ones."""

from typing import Any

import numpy as np

from npseq.activations import drelu, relu
from npseq.arguments import finite, flag, integer
from npseq.backend import Array, array_module, drawing
from npseq.initializers import xavier_uniform
from npseq.layers import Linear
from npseq.layers.batch import check_array
from npseq.losses import mean_squared_error
from npseq.models.examples import Examples
from npseq.models.fitting import Fitting
from npseq.parameters import Parameters


class Forecaster(Fitting):
    """The autoregressive model x_t = f(x_{t-lags}, ..., x_{t-1}), f a perceptron with one hidden layer of ReLUs.

        h = relu(x W_1 + b_1),  f(x) = h W_2 + b_2

    W_1 and W_2 start as Xavier's uniform ones, biases as PyTorch's (Dive into Deep Learning, "Sequence Models").
    params: "hidden.W" (lags, H), "hidden.b" (H,), "output.W" (H, 1), "output.b" (1,). `fit` takes windows (N, lags)
    and the value (N,) after each.

    Args:
        lags: how many values the model sees, tau of Dive into Deep Learning.
        hidden_size: H units.
        dtype: of the parameters.
        rng: a seed or a Generator, of the initial values.

    Raises:
        ValueError: if a size is not positive.

    Example:
        >>> windows, targets = ns.data.lagged_windows(np.sin(np.arange(99.0)), lags=4)
        >>> model = ns.models.Forecaster(4, rng=0).fit(windows, targets, epochs=2)
        >>> model.predict(np.zeros((7, 4), np.float32)).shape
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

    def _made(self) -> dict[str, Any]:
        return {"lags": self.lags, "hidden_size": self.hidden.out_features, "dtype": self.dtype.name}

    def predict(self, windows: Array) -> Array:
        """Returns the value (N,) after each of the windows.

        Args:
            windows: (N, lags).
        """
        self.check_finite()
        windows = _of_two_axes(self._features("windows", windows))
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
        z, hidden_tape = self.hidden.forward(_of_two_axes(windows))
        h = relu(z)
        prediction, output_tape = self.output.forward(h, copy=False)
        check_array("targets", finite("targets", targets), (len(windows),), self.dtype, array_module(self.params.flat))
        loss, dprediction = mean_squared_error(prediction[:, 0], targets)
        grads, own = self._gradients()
        dh, _ = self.output.backward(dprediction[:, None], output_tape, **own["output"])
        self.hidden.backward(dh * drelu(h), hidden_tape, **own["hidden"])
        return loss, grads

    def _examples(self, data: Any, targets: Any) -> Examples:
        """Windows and the values after them, which may be a pair in the place of the data."""
        windows, targets = data if targets is None and isinstance(data, tuple) and len(data) == 2 else (data, targets)
        if targets is None:
            raise TypeError("targets must be given, the value after each window; ns.data.lagged_windows returns both")
        pair = self._features("windows", windows), self._features("targets", targets)
        self.loss(*pair)  # refuses what does not fit
        return Examples(pair, (0, 0))


def _of_two_axes(windows: Array) -> Array:
    """Returns finite windows. Raises TypeError or ValueError for others, and for windows of several series."""
    if finite("windows", windows).ndim != 2:
        raise ValueError(f"windows must have shape (N, lags), got {windows.shape}; join those of several series")
    return windows
