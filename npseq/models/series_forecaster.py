"""A forecaster of a series as it is measured: it scales, learns by a recurrent network, forecasts with intervals."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import amount, integer, within
from npseq.backend import Array, array_module, to_host
from npseq.cell import Cell
from npseq.layers.recurrent import Recurrent
from npseq.losses import mean_squared_error
from npseq.models.cells import CELL
from npseq.models.differences import base_of, changes_of, filled, lags_for, naive_of, terms_of, values_of
from npseq.models.latent_forecaster import WARM_UP, LatentForecaster, StateTape, Stretch
from npseq.parameters import Parameters


class Forecast(NamedTuple):
    """The values after a series, and what to expect of them; each (steps,)."""

    mean: np.ndarray  # the forecast
    low: np.ndarray  # below it lie (1 - interval) / 2 of what is to come; nan if nothing was held out
    high: np.ndarray  # above it, as many
    naive: np.ndarray  # the last value, again and again; with a season, the last season


class SeriesForecaster(LatentForecaster):
    """Forecasts the changes of a series from a state: z_t = x_t - x_{t-season}, less that a step before, scaled.

        h_t = g(h_{t-1}, [z_t, whether it is missing]),  z_{t+1} = h_t W + b

    The difference of one step is taken where the last value says more of the next `horizon` than the mean does; without
    a season it may be the only one. A forecast of several steps feeds each prediction back and adds the
    changes up from the last values. params: "recurrent.W_xh", ..., "output.W" (H, 1), "output.b" (1,). After `fit`,
    `lags_` are those of the differences, `mean_` and `scale_` are of the changes, `errors_` the errors on the held-out
    end, steps ahead by origin, from which the intervals come; `learnt_` says how many of the `values_` were learnt.

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

    fitted = (*LatentForecaster.fitted, "lags_", "mean_", "scale_", "errors_", "values_", "learnt_")
    lags_: list[int]
    mean_: float
    scale_: float
    errors_: list[list[float]]
    values_: list[float]
    learnt_: int

    def __init__(
        self,
        cell: str | Cell | Recurrent = CELL,
        hidden_size: int = 32,
        num_layers: int = 1,
        *,
        season: int | None = None,
        horizon: int = 12,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        self.season = None if season is None else integer("season", season, 2)
        self.horizon = integer("horizon", horizon)
        self._build(2, 1, cell, rng, {"hidden_size": hidden_size, "num_layers": num_layers, "dtype": dtype})
        self.params["output.W"][...] = 0  # so that what is not learnt is the mean change
        self.params["output.b"][...] = 0

    def _made(self) -> dict[str, Any]:
        return {"cell": self.recurrent, "season": self.season, "horizon": self.horizon}

    def loss(  # type: ignore[override]
        self, z: Array, weights: Array, warm_up: int = 0, *, training: bool = False
    ) -> tuple[Array, Parameters]:
        """Returns the mean squared error of each change after those before it, and its gradients.

        Args:
            z: the scaled changes (T, B), 0 where one is missing.
            weights: (T, B), 0 for missing ones, which do not count, and 1.
            warm_up: so many predictions at the start only form the state.
            training: whether dropout acts.
        """
        value, dprediction, tape = self._compared(z, weights, warm_up=warm_up, training=training)
        return value, self.backward(dprediction, tape)[1]

    def _compared(  # type: ignore[override]
        self, z: Array, weights: Array, *, warm_up: int, training: bool
    ) -> tuple[Array, Array, StateTape]:
        xp = array_module(z, weights)
        prediction, _, tape = self.forward(xp.stack([z[:-1], 1 - weights[:-1]], axis=-1), training=training)
        counted = weights[1:].copy()
        counted[:warm_up] = 0
        total = xp.maximum(counted.real.sum(), 1)
        error = counted * (prediction[..., 0] - z[1:])
        value, _ = mean_squared_error(error, np.zeros_like(error))
        return value * (error.size / total), (2 / total) * error[..., None], tape

    def fit(self, data: Any, targets: Any = None, *, epochs: int = 100, valid: Any = 0.15, **plan: Any) -> Any:
        """Trains on a series, holds out its end, measures the errors there, and returns the model itself.

        Args:
            data: a Series, as read_series returns it or of pandas, or values (T,); nan is a missing value.
            targets: None.
            epochs: how often the series is read.
            valid: the share at the end that is held out.
            plan: as `Classifier.fit` takes it: batch_size, optimizer, clip, patience, callbacks, progress, rng.

        Raises:
            TypeError, ValueError: before anything is learnt, if an argument does not fit, or the series is too short.
        """
        values = values_of(data)
        self.learnt_ = len(values) - round(within("valid", valid, below=1) * len(values))
        learnt, longest = values[: self.learnt_], [1] if self.season is None else [1, self.season]
        if (count := int(np.isfinite(changes_of(learnt, longest)).sum())) < WARM_UP + 4:
            raise ValueError(
                f"a series must leave {WARM_UP + 4} changes to learn after {sum(longest)} are lost to differences, got "
                f"{count}; give a longer one, a smaller valid, or no season"
            )
        self.lags_ = lags_for(learnt, longest, self.horizon)
        changes = changes_of(learnt, self.lags_)
        self.mean_, self.scale_ = float(np.nanmean(changes)), float(np.nanstd(changes)) or 1.0
        self.values_ = values.tolist()
        super().fit(values, targets, epochs=epochs, valid=valid, **plan)
        self.errors_ = self._errors(values)
        return self

    def _examples(self, data: Any, targets: Any) -> Stretch:
        self._check_fitted("scale_")
        z, weights = self._scaled(values_of(data))
        if weights[1:].sum() == 0:
            raise ValueError(
                f"a series must hold a change after the first one, got {len(z)} changes after {sum(self.lags_)} values "
                "are lost to differences; give a longer one"
            )
        return Stretch((self._moved(z[:, None]), self._moved(weights[:, None])))

    def _held_steps(self, share: float, steps: int) -> int:
        return len(self.values_) - self.learnt_

    def predict(self, data: Any) -> np.ndarray:
        """Returns the value (T,) that is expected at each step of a series, one step ahead; nan at the first ones.

        Args:
            data: a Series, or values (T,).
        """
        self._check_fitted()
        values = values_of(data)
        z, weights = self._scaled(values)
        x = self._moved(np.stack([z[:-1], 1 - weights[:-1]], axis=-1)[:, None])
        change = to_host(self.forward(x)[0])[:, 0, 0].astype(np.float64) * self.scale_ + self.mean_
        change = np.concatenate([np.full(len(values) - len(change), np.nan), change])
        found: np.ndarray = base_of(values, self.lags_) + change
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

    def forecast(  # type: ignore[override]
        self, steps: int, data: Any = None, *, interval: float = 0.8
    ) -> Forecast:
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
        values = np.asarray(self.values_) if data is None else values_of(data)
        mean = self._ahead(values, steps)
        errors = np.array(self.errors_ or [[np.nan]])
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

        Raises:
            ValueError: before fit, or if fewer steps than `horizon` were held out.
        """
        self._check_fitted()
        values = np.asarray(self.values_) if data is None else values_of(data)
        found: dict[str, list[float]] = {"model": [], "naive": [], **({"seasonal naive": []} if self.season else {})}
        if not (origins := self._origins(values)):
            raise ValueError(
                f"a held-out end must have {self.horizon} steps, the horizon, to be forecast, got "
                f"{max(len(values) - self.learnt_, 0)}; take a larger valid, or a smaller horizon"
            )
        for origin in origins:
            known, wanted = values[:origin], values[origin : origin + self.horizon]
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
            for k, error in enumerate(wanted - self._ahead(values[:origin], len(wanted))):
                if np.isfinite(error):
                    rows[k].append(float(error))
        count = min((len(row) for row in rows if row), default=0)
        return [row[:count] for row in rows if row] if count > 1 else []

    def _origins(self, values: np.ndarray) -> list[int]:
        """Where forecasts of the held-out end begin; each sees all values before it."""
        last = len(values) - self.horizon
        count = min(40, max(last - self.learnt_ + 1, 0))
        found: list[int] = np.unique(np.linspace(self.learnt_, last, count).astype(int)).tolist()
        return found

    def _ahead(self, values: np.ndarray, steps: int) -> np.ndarray:
        """Each prediction is fed back to make the next."""
        z, weights = self._scaled(values)
        known, state, found = filled(values).tolist(), None, []
        x = self._moved(np.stack([z, 1 - weights], axis=-1)[:, None])
        for _ in range(steps):
            prediction, state, _ = self.forward(x, state)
            change = float(prediction[-1, 0, 0])
            base = sum(sign * known[-lag] for lag, sign in terms_of(self.lags_))
            found.append(base + change * self.scale_ + self.mean_)
            known.append(found[-1])
            x = self._moved(np.array([[[change, 0]]], self.dtype))
        return np.array(found)

    def _scaled(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        changes = (changes_of(values, self.lags_) - self.mean_) / self.scale_
        known = np.isfinite(changes)
        return np.where(known, changes, 0).astype(self.dtype), known.astype(self.dtype)

    def _check_fitted(self, found: str = "errors_") -> None:
        if not hasattr(self, found):
            raise ValueError("a forecaster must have learnt a series before it forecasts; call fit(series)")
        self.check_finite()
