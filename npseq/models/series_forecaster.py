"""A forecaster of a series as it is measured: it scales, learns by a recurrent network, forecasts with intervals."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import amount, integer, within
from npseq.backend import Array, array_module, drawing, to_host
from npseq.cell import Cell
from npseq.layers import Linear
from npseq.layers.bidirectional import check_forward_only
from npseq.layers.recurrent import Recurrent
from npseq.losses import mean_squared_error
from npseq.models.cells import check_cell_options, layer_of
from npseq.models.differences import base_of, changes_of, filled, naive_of, values_of
from npseq.models.fitting import Fitting, Plan
from npseq.models.whole import Whole
from npseq.parameters import Parameters

WINDOW = 64  # steps that are differentiated together
WARM_UP = 8  # of these, the first so many only form the state


class Forecast(NamedTuple):
    """The values after a series, and what to expect of them; each (steps,)."""

    mean: np.ndarray  # the forecast
    low: np.ndarray  # below it lie (1 - interval) / 2 of what is to come
    high: np.ndarray  # above it, as many
    naive: np.ndarray  # the last value, again and again; with a season, the last season


class SeriesForecaster(Whole, Fitting):
    """Forecasts the changes of a series from a state: z_t = x_t - x_{t-1}, less those a season before, scaled.

        h_t = g(h_{t-1}, [z_t, whether it is missing]),  z_{t+1} = h_t W + b

    A forecast of several steps feeds each prediction back and adds the changes up from the last values. params:
    "recurrent.W_xh", ..., "output.W" (H, 1), "output.b" (1,). After `fit`, `mean_` and `scale_` are those of the
    changes, `errors_` the errors on the held-out end, steps ahead by origin, from which the intervals come.

    Args:
        cell: "rnn", "gru" or "lstm"; or a cell of one's own, MyCell(); or a recurrent layer that reads 2 features.
        hidden_size: H units.
        num_layers: L layers.
        season: steps of a season, say 12 for months; None for none.
        horizon: how many steps ahead the held-out errors are measured.
        dtype: of the parameters.
        rng: a seed or a Generator, of the initial values.

    Raises:
        ValueError: if cell is another one, or a size is not positive.

    Example:
        >>> series = np.sin(np.arange(200) / 4) + np.arange(200) / 50
        >>> model = ns.models.SeriesForecaster("gru", 8, rng=0).fit(series, epochs=2)
        >>> model.forecast(5).mean.shape
        (5,)
    """

    recurrent: Recurrent
    output: Linear
    fitted = ("mean_", "scale_", "errors_", "values_", "history_", "best_epoch_")
    mean_: float
    scale_: float
    errors_: list[list[float]]
    values_: list[float]

    def __init__(
        self,
        cell: str | Cell | Recurrent = "lstm",
        hidden_size: int = 32,
        num_layers: int = 1,
        *,
        season: int | None = None,
        horizon: int = 12,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        given = {"hidden_size": hidden_size, "num_layers": num_layers, "dtype": dtype}
        check_cell_options(cell, given, SeriesForecaster)
        self.season = None if season is None else integer("season", season, 2)
        self.horizon = integer("horizon", horizon)
        with drawing(rng) as rng:
            recurrent = layer_of(cell, 2, hidden_size, num_layers, dtype=dtype, rng=rng)
            check_forward_only(recurrent)
            self._join(
                {"recurrent": recurrent, "output": Linear(recurrent.output_size, 1, dtype=recurrent.dtype, rng=rng)}
            )
        self.params["output.W"][...] = 0  # so that what is not learnt is the mean change
        self.params["output.b"][...] = 0

    def _made(self) -> dict[str, Any]:
        return {"cell": self.recurrent, "season": self.season, "horizon": self.horizon}

    def loss(self, z: Array, weights: Array, warm_up: int = 0, *, training: bool = False) -> tuple[Array, Parameters]:
        """Returns the mean squared error of each change after those before it, and its gradients.

        Args:
            z: the scaled changes (T, B), 0 where one is missing.
            weights: (T, B), 0 for missing ones, which do not count, and 1.
            warm_up: so many predictions at the start only form the state.
            training: whether dropout acts.
        """
        prediction, tapes = self._predictions(z[:-1], weights[:-1], training)
        counted = weights[1:].copy()
        counted[:warm_up] = 0
        total = array_module(z).maximum(counted.real.sum(), 1)
        error = counted * (prediction - z[1:])
        value, _ = mean_squared_error(error, np.zeros_like(error))
        grads, own = self._gradients()
        dprediction = (2 / total) * error
        dy, _ = self.output.backward(dprediction[..., None], tapes[1], **own["output"])
        self.recurrent.backward(dy, tapes[0], **own["recurrent"])
        return value * (error.size / total), grads

    def _predictions(self, z: Array, weights: Array, training: bool = False) -> tuple[Array, tuple[Any, ...]]:
        x = array_module(z, weights).stack([z, 1 - weights], axis=-1)
        y, _, tape = self.recurrent.forward(x, training=training)
        prediction, output_tape = self.output.forward(y, copy=False)
        return prediction[..., 0], (tape, output_tape)

    def fit(self, data: Any, targets: Any = None, *, epochs: int = 100, valid: Any = 0.15, **plan: Any) -> Any:
        """Trains on a series, holds out its end, measures the errors there, and returns the model itself.

        Args:
            data: a Series, as read_series returns it, or values (T,); nan is a missing value.
            targets: None.
            epochs: how often the series is read.
            valid: the share at the end that is held out.
            plan: as `Classifier.fit` takes it: batch_size, optimizer, clip, patience, callbacks, progress, rng.

        Raises:
            TypeError, ValueError: before anything is learnt, if an argument does not fit, or the series is too short.
        """
        if targets is not None:
            raise TypeError("targets must be None: a forecaster learns the series itself, got another argument")
        values = values_of(data)
        self._learnt = len(values) - round(within("valid", valid, below=1) * len(values))
        changes = changes_of(values[: self._learnt], self.season)
        known = changes[np.isfinite(changes)]
        if len(known) < WARM_UP + 4:
            lost = 1 + (self.season or 0)
            raise ValueError(
                f"a series must leave {WARM_UP + 4} changes to learn after {lost} are lost to differences, got "
                f"{len(known)}; give a longer one, a smaller valid, or no season"
            )
        self.mean_, self.scale_ = float(known.mean()), float(known.std()) or 1.0
        self.values_ = values.tolist()
        super().fit(values, epochs=epochs, valid=0 if self._learnt == len(values) else valid, **plan)
        self.errors_ = self._errors(values)
        return self

    def _examples(self, data: Any, targets: Any) -> Any:
        return values_of(data)

    def _updates(self, examples: Any, batch_size: int) -> int:
        return max(1, -(-2 * len(examples) // (WINDOW * batch_size)))

    def _held_out(self, examples: Any, plan: Plan) -> tuple[Any, Any]:
        learnt = examples[: self._learnt]
        return learnt, examples if plan.valid else None

    def _epoch(self, examples: Any, plan: Plan) -> dict[str, float]:
        z, weights = self._scaled(examples)
        length, total, norm = min(WINDOW, len(z)), 0.0, 0.0
        count = self._updates(examples, plan.batch_size)
        for _ in range(count):
            starts = plan.rng.integers(0, len(z) - length, plan.batch_size, endpoint=True)
            rows = starts + np.arange(length)[:, None]
            warm_up = min(WARM_UP, length // 4)
            batch = self._moved(z[rows]), self._moved(weights[rows])
            loss, size, _ = self.step(*batch, warm_up=warm_up, optimizer=plan.optimizer, clip=plan.clip)
            total, norm = total + float(loss) / count, max(norm, float(size))
        return {"loss": total, "grad_norm": norm}

    def _mean_loss(self, examples: Any, batch_size: int) -> float:
        """The squared error of the scaled changes of the held-out end, one step ahead."""
        z, weights = self._scaled(examples)
        prediction = self._one_ahead(z, weights)
        first = len(z) - (len(examples) - self._learnt)
        error = (prediction - z[1:])[first - 1 :] ** 2
        counted = weights[first:]
        return float((error * counted).sum() / max(counted.sum(), 1))

    def _one_ahead(self, z: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The predictions (T - 1,) of each scaled change of a series but the first."""
        prediction, _ = self._predictions(self._moved(z[:-1, None]), self._moved(weights[:-1, None]))
        return to_host(prediction)[:, 0]

    def predict(self, data: Any) -> np.ndarray:
        """Returns the value (T,) that is expected at each step of a series, one step ahead; nan at the first ones.

        Args:
            data: a Series, or values (T,).
        """
        self._check_fitted()
        values = values_of(data)
        z, weights = self._scaled(values)
        prediction = self._one_ahead(z, weights).astype(np.float64)
        change = np.concatenate([np.full(len(values) - len(prediction), np.nan), prediction * self.scale_ + self.mean_])
        found: np.ndarray = base_of(values, self.season) + change
        return found

    def score(self, data: Any = None, targets: Any = None) -> float:
        """Returns 1 - (squared errors of `compare`) / (the least of the naive forecasts'): 0 is no better than naive.

        Args:
            data: the series that was fitted; None is that one.
            targets: None.
        """
        found = self.compare(data)
        model = found.pop("model")
        return 1 - (model / min(found.values())) ** 2

    def forecast(self, steps: int, data: Any = None, *, interval: float = 0.8) -> Forecast:
        """Returns the values after a series.

        Args:
            steps: how many.
            data: the series; None is the one that was fitted.
            interval: the share of what is to come that should lie between low and high.

        Raises:
            ValueError: before fit.
        """
        self._check_fitted()
        steps, tail = amount("steps", steps), (1 - within("interval", interval, below=1)) / 2
        values = filled(np.asarray(self.values_) if data is None else values_of(data))
        mean = self._ahead(values, steps)
        errors = np.array(self.errors_) if self.errors_ else np.zeros((1, 1))
        spread = np.quantile(errors, [tail, 1 - tail], axis=1)
        at = np.minimum(np.arange(steps), spread.shape[1] - 1)
        growth = np.sqrt(np.maximum(np.arange(steps) + 1, spread.shape[1]) / spread.shape[1])  # past the horizon
        return Forecast(
            mean, mean + spread[0][at] * growth, mean + spread[1][at] * growth, naive_of(values, steps, self.season)
        )

    def compare(self, data: Any = None) -> dict[str, float]:
        """Returns root mean squared errors up to `horizon` steps ahead on the held-out end, beside naive forecasts.

        That end also chose the epoch that was kept, so that on another one the model's are a little larger.

        Args:
            data: the series that was fitted; None is that one.
        """
        self._check_fitted()
        values = np.asarray(self.values_) if data is None else values_of(data)
        found: dict[str, list[float]] = {"model": [], "naive": [], **({"seasonal naive": []} if self.season else {})}
        for origin in self._origins(values):
            known, wanted = filled(values[:origin]), values[origin : origin + self.horizon]
            steps = len(wanted)
            found["model"] += (self._ahead(known, steps) - wanted).tolist()
            found["naive"] += (naive_of(known, steps, None) - wanted).tolist()
            if self.season:
                found["seasonal naive"] += (naive_of(known, steps, self.season) - wanted).tolist()
        return {name: float(np.sqrt(np.nanmean(np.square(errors)))) for name, errors in found.items()}

    def _errors(self, values: np.ndarray) -> list[list[float]]:
        """The errors by steps ahead (horizon, origins) on the held-out end, less their missing ones."""
        rows: list[list[float]] = [[] for _ in range(self.horizon)]
        for origin in self._origins(values):
            wanted = values[origin : origin + self.horizon]
            for k, error in enumerate(wanted - self._ahead(filled(values[:origin]), len(wanted))):
                if np.isfinite(error):
                    rows[k].append(float(error))
        count = min((len(row) for row in rows if row), default=0)
        return [row[:count] for row in rows if row] if count > 1 else []

    def _origins(self, values: np.ndarray) -> list[int]:
        """Where forecasts of the held-out end begin; each sees all values before it."""
        first = self._learnt if hasattr(self, "_learnt") else round(0.85 * len(values))
        last = len(values) - self.horizon
        count = min(40, max(last - first + 1, 0))
        found: list[int] = np.unique(np.linspace(first, last, count).astype(int)).tolist()
        return found

    def _ahead(self, values: np.ndarray, steps: int) -> np.ndarray:
        """Each prediction is fed back to make the next."""
        z, weights = self._scaled(values)
        known, state, found = values.tolist(), None, []
        x = self._moved(np.stack([z, 1 - weights], axis=-1)[:, None])
        for _ in range(steps):
            y, state, _ = self.recurrent.forward(x, state)
            change = float(self.output.forward(y[-1:])[0][0, 0, 0])
            base = known[-1] if self.season is None else known[-1] + known[-self.season] - known[-self.season - 1]
            found.append(base + change * self.scale_ + self.mean_)
            known.append(found[-1])
            x = self._moved(np.array([[[change, 0]]], self.dtype))
        return np.array(found)

    def _scaled(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        changes = (changes_of(values, self.season) - self.mean_) / self.scale_
        known = np.isfinite(changes)
        return np.where(known, changes, 0).astype(self.dtype), known.astype(self.dtype)

    def _check_fitted(self) -> None:
        if not hasattr(self, "scale_"):
            raise ValueError("a forecaster must have learnt a series before it forecasts; call fit(series)")
        self.check_finite()
