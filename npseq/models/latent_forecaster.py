"""A latent forecaster predicts the next values of series from a state, which has seen all values before them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import amount, array, finite, flag, integer
from npseq.backend import Array, MaybeArray, array_module, drawing
from npseq.bptt.workspace import Workspace
from npseq.cell import Cell
from npseq.layers import Linear
from npseq.layers.bidirectional import check_forward_only
from npseq.layers.linear import LinearTape
from npseq.layers.recurrent import Recurrent
from npseq.losses import mean_squared_error
from npseq.models.cells import CELL, check_cell_options, layer_of
from npseq.models.fitting import Fitting, Plan, no_targets, share_of
from npseq.parameters import Parameters

WINDOW = 64  # steps that are differentiated together
WARM_UP = 8  # of these, the first so many only form the state


class StateTape(NamedTuple):
    """What the two layers' backward passes read."""

    recurrent: Any
    output: LinearTape


class Stretch(NamedTuple):
    """A part of series side by side, and how many of its first predictions only form the state."""

    arrays: tuple[Array, ...]  # the arguments of `loss`, (T, B, ...) each
    warm_up: int = 0
    noted: Mapping[str, Any] = MappingProxyType({})  # what fit sets on the model once all arguments have been checked


class LatentForecaster(Fitting):
    """The latent autoregressive model: h_t = g(h_{t-1}, x_{t-1}), x_t = h_t W + b; g an RNN, a GRU or an LSTM.

    It sees all values before x_t, through its state. x (T, B, F): F features a step, B series side by side, in units
    of about 1: they are learnt as they are (SeriesForecaster scales, and takes missing values). params: the recurrent
    layer's as "recurrent.W_xh", ..., then "output.W" (H, F), "output.b" (F,). `fit` takes series (T, B, F), or (T,) of
    one.

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
        cell: str | Cell | Recurrent = CELL,
        hidden_size: int = 16,
        num_layers: int = 1,
        *,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        options = {"hidden_size": hidden_size, "num_layers": num_layers, "dtype": dtype}
        self._build(features, features, cell, rng, options)

    def _build(self, inputs: int, outputs: int, cell: Any, rng: Any, options: dict[str, Any]) -> None:
        check_cell_options(cell, options, type(self))
        with drawing(rng) as rng:
            recurrent = layer_of(cell, inputs, **options, rng=rng)
            check_forward_only(recurrent)
            output = Linear(recurrent.output_size, outputs, dtype=recurrent.dtype, rng=rng)
            self._join({"recurrent": recurrent, "output": output})

    def _made(self) -> dict[str, Any]:
        return {"features": self.output.out_features, "cell": self.recurrent}

    def forward(self, x: Array, state: Any = None, *, training: bool = False) -> tuple[Array, Any, StateTape]:
        """Returns the predictions (T, B, F) of what follows each of x, the state after the last, and the tape.

        Args:
            x: (T, B, D).
            state: the one before x; None is zeros.
            training: whether dropout acts.
        """
        y, state, tape = self.recurrent.forward(x, state, training=training)
        prediction, output_tape = self.output.forward(y, copy=False)
        return prediction, state, StateTape(tape, output_tape)

    def backward(
        self,
        dprediction: Array,
        tape: StateTape,
        *,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[MaybeArray, Parameters]:
        """Returns dx (T, B, D) and the gradients of all parameters.

        Args:
            dprediction: (T, B, F).
            tape: the one that forward returned.
            grads, workspace: a training loop's own buffers, written over.
        """
        grads, own = self._begin(tape, StateTape, grads, workspace)
        dy, _ = self.output.backward(dprediction, tape.output, **own["output"])
        return self.recurrent.backward(dy, tape.recurrent, **own["recurrent"])[0], grads

    def predict(self, x: Array) -> Array:
        """Returns the values (T, B, F) that follow each of x, one step ahead; `forward` returns the state as well.

        Args:
            x: (T, B, F).
        """
        self.check_finite()
        return self.forward(self._series("x", self._features("x", x)))[0]

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
            training: whether dropout acts.

        Raises:
            ValueError: if no prediction is left that counts.
        """
        value, dprediction, tape = self._compared(x, warm_up=warm_up, training=training)
        return value, self.backward(dprediction, tape)[1]

    def _compared(self, x: Array, *, warm_up: int, training: bool) -> tuple[Array, Array, StateTape]:
        """The loss, its derivative by the predictions, and the tape."""
        flag("training", training)
        if not integer("warm_up", warm_up, least=0) < len(self._series("x", x)) - 1:
            raise ValueError(f"x must have at least warm_up + 2 = {warm_up + 2} steps, got {len(x)}")
        prediction, _, tape = self.forward(x[:-1], training=training)
        value, dcounted = mean_squared_error(prediction[warm_up:], x[1 + warm_up :])
        dprediction = array_module(x).zeros_like(prediction)
        dprediction[warm_up:] = dcounted
        return value, dprediction, tape

    def fit(self, data: Any, targets: Any = None, *, epochs: int = 100, valid: Any = 0.15, **plan: Any) -> Self:
        """Trains on windows of series at random places, and returns the model itself. Writes params.

        Args:
            data: series (T, B, F), or (T,) of one.
            targets: None; the next step is the target.
            epochs: how often the series are read.
            valid: the share at the end that is held out, or other series.
            plan: as `Classifier.fit` takes it: batch_size, optimizer, clip, patience, callbacks, progress, rng.

        Raises:
            TypeError, ValueError: before anything is learnt, if an argument does not fit, or a series is too short.
        """
        no_targets(targets, "a forecaster learns the series itself")
        return super().fit(data, epochs=epochs, valid=valid, **plan)

    def _examples(self, data: Any, targets: Any) -> Stretch:
        x = self._features("data", data)
        x = x[:, None, None] if x.ndim == 1 else x
        self._compared(x, warm_up=0, training=False)  # refuses what does not fit
        return Stretch((x,))

    def _updates(self, examples: Stretch, batch_size: int) -> int:
        steps, series = map(int, examples.arrays[0].shape[:2])
        return max(1, -(-2 * steps * series // (WINDOW * batch_size)))

    def _held_out(self, examples: Stretch, plan: Plan) -> tuple[Stretch, Stretch | None]:
        steps = len(examples.arrays[0])
        if (share := share_of(plan.valid)) is None:
            return examples, self._examples(plan.valid, None)
        if not (count := self._held_steps(share, examples)):
            return examples, None
        if steps - count < 2:
            raise ValueError(f"a series must leave 2 steps to learn, got {steps} less {count} held out; take fewer")
        learnt = tuple(part[: steps - count] for part in examples.arrays)
        return Stretch(learnt), Stretch(examples.arrays, steps - count - 1)

    def _held_steps(self, share: float, examples: Stretch) -> int:
        return round(share * len(examples.arrays[0]))

    def _noted(self, examples: Stretch) -> Mapping[str, Any]:
        return examples.noted

    def _train(self, examples: Stretch, plan: Plan) -> Iterator[tuple[Any, Any, int]]:
        steps, series = examples.arrays[0].shape[:2]
        length = min(WINDOW, steps)
        for _ in range(self._updates(examples, plan.batch_size)):
            starts = plan.rng.integers(0, steps - length, plan.batch_size, endpoint=True)
            columns = plan.rng.integers(0, series, plan.batch_size) if series > 1 else np.zeros(plan.batch_size, int)
            at = self._moved(starts + np.arange(length)[:, None]), self._moved(columns)
            batch = (part[at] for part in examples.arrays)
            options: dict[str, Any] = {"optimizer": plan.optimizer, "clip": plan.clip}
            loss, norm, _ = self.step(*batch, warm_up=min(WARM_UP, length // 4), **options)
            yield loss, norm, 1

    def _mean_loss(self, examples: Stretch, batch_size: int) -> float:
        return float(self._compared(*examples.arrays, warm_up=examples.warm_up, training=False)[0])

    def forecast(self, history: Array, steps: int) -> Array:
        """Returns the values (steps, B, F) after history: each prediction is fed back to make the next.

        Args:
            history: (T, B, F).
            steps: how many values to predict.
        """
        steps = amount("steps", steps)
        self.check_finite()
        history = self._series("history", self._features("history", history))
        xp = array_module(history)
        prediction, state, _ = self.forward(history)
        out = [prediction[-1:]]
        while len(out) < steps:
            prediction, state, _ = self.forward(out[-1], state)
            out.append(prediction)
        forecast: Array = xp.concatenate(out)
        return forecast
