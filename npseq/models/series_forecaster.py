"""A forecaster of a series as it is measured: it scales, learns by a recurrent network, forecasts with intervals."""

from typing import Any

import numpy as np

from npseq.arguments import amount, integer, within
from npseq.backend import Array, array_module, to_host
from npseq.cell import Cell
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import map_state
from npseq.losses import mean_squared_error
from npseq.models.cells import CELL
from npseq.models.differences import (
    Scaling,
    ahead_of,
    base_of,
    check_changes,
    filled,
    naive_from,
    naive_of,
    scaled,
    scaling_of,
    terms_of,
    values_of,
)
from npseq.models.intervals import Forecast, reach_of, weighed, weight_of
from npseq.models.latent_forecaster import LatentForecaster, StateTape, Stretch
from npseq.parameters import Parameters

MOST = 1000  # origins from which errors are measured


class SeriesForecaster(LatentForecaster):
    """Forecasts the changes of a series from a state: z_t = x_t - x_{t-season}, less that a step before, scaled.

        h_t = g(h_{t-1}, [z_t, whether it is missing]),  z_{t+1} = h_t W + b

    The differences, over a step or none, with a season over a step, a season or both, are those that leave least to
    learn. A forecast of several steps feeds each prediction back, and adds the changes up from the last values; it is
    then weighed against the better of the naive forecasts, naive + weight (network - naive), with the weight in [0, 1]
    that errs least on the held-out end (Bates and Granger 1969), 0 where the network adds nothing there. params:
    "recurrent.W_xh", ..., "output.W" (H, 1), "output.b" (1,).

    After `fit`, `lags_` are those of the differences, `mean_` and `scale_` are of the changes, `naive_` is how many
    steps back the naive forecast looks; `errors_` are those on the held-out end by steps ahead, from which intervals
    come; `learnt_` says how many of the `values_` were learnt.

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

    fitted = (
        *LatentForecaster.fitted, "lags_", "mean_", "scale_", "weight_", "naive_", "errors_", "values_", "learnt_"
    )  # fmt: skip
    lags_: list[int]
    mean_: float
    scale_: float
    weight_: float
    naive_: int
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
        share = within("valid", 0 if valid is None else valid, below=1)
        count = len(values) - round(share * len(values))
        found = scaling_of(values[:count], self.season, self.horizon)
        noted = {f"{name}_": part for name, part in found._asdict().items()}
        noted |= {"weight_": 1.0, "naive_": 1, "errors_": [], "values_": values.tolist(), "learnt_": count}
        super().fit(self._stretch(values, found)._replace(noted=noted), targets, epochs=epochs, valid=share, **plan)
        self._weigh(values)
        return self

    def _weigh(self, values: np.ndarray) -> None:
        """Finds the weight of the network, and the errors, on the held-out end."""
        origins, wanted = self._held(values)
        if not len(origins):
            return
        naive = {lag: naive_from(values, origins, self.horizon, lag) for lag in {1, self.season or 1}}
        self.naive_ = min(naive, key=lambda lag: float(np.nanmean(np.square(wanted - naive[lag]))))
        known, network = np.isfinite(wanted), self._ahead(values, origins, self.horizon)
        self.weight_ = weight_of(network[known], naive[self.naive_][known], wanted[known])
        errors = (wanted - self._ahead(values, origins, self.horizon)).T
        self.errors_ = [row[np.isfinite(row)].tolist() for row in errors]

    def _examples(self, data: Any, targets: Any) -> Stretch:
        if isinstance(data, Stretch):  # of fit
            return data
        self._check_fitted()
        found = self._stretch(values_of(data), Scaling(self.lags_, self.mean_, self.scale_))
        check_changes(found.arrays[1], self.lags_)
        return found

    def _stretch(self, values: np.ndarray, scaling: Scaling) -> Stretch:
        return Stretch(tuple(self._moved(part[:, None]) for part in scaled(values, scaling, self.dtype)))

    def _held_steps(self, share: float, examples: Stretch) -> int:
        return len(examples.noted["values_"]) - int(examples.noted["learnt_"])

    def predict(self, data: Any) -> np.ndarray:
        """Returns the value (T,) that is expected at each step of a series, one step ahead; nan at the first ones.

        Args:
            data: a Series, or values (T,); None is the one that was fitted.
        """
        values = self._given(data)
        x = self._inputs(values)[:-1]
        change = to_host(self.forward(x)[0])[:, 0, 0].astype(np.float64) * self.scale_ + self.mean_
        network = base_of(values, self.lags_) + np.concatenate([np.full(len(values) - len(change), np.nan), change])
        return weighed(network, base_of(values, [self.naive_]), self.weight_)

    def score(self, data: Any = None, targets: Any = None) -> float:
        """Returns 1 - (squared errors of `compare`) / (the least of the naive forecasts'): 0 or less is no better.

        Args:
            data: the series that was fitted; None is that one.
            targets: None.
        """
        found = self.compare(data)
        model = found.pop("model")
        least = min(found.values())
        return 1 - (model / least) ** 2 if least else 0.0 - (model > 0)

    def forecast(  # type: ignore[override]
        self, steps: int, data: Any = None, *, interval: float = 0.8
    ) -> Forecast:
        """Returns the values after a series.

        Args:
            steps: how many.
            data: the series; None is the one that was fitted.
            interval: the share of what is to come that should lie between low and high.

        Raises:
            ValueError: before fit, and for a series too short to be continued.
        """
        steps, share = amount("steps", steps), within("interval", interval, below=1)
        values = self._given(data)
        mean = self._ahead(values, np.array([len(values)]), steps)[0]
        reach = reach_of(self.errors_, steps, share)
        return Forecast(mean, mean - reach, mean + reach, naive_of(values, steps, self.season))

    def compare(self, data: Any = None) -> dict[str, float]:
        """Returns root mean squared errors up to `horizon` steps ahead on the held-out end, beside naive forecasts.

        That end also chose the epoch and the weight that were kept, so that on another one the model's are a little
        larger.

        Args:
            data: the series that was fitted, and what has followed since; None is the one that was fitted.

        Raises:
            ValueError: before fit, or if nothing was held out.
        """
        values = self._given(data)
        origins, wanted = self._held(values)
        if not len(origins):
            raise ValueError(
                f"a series must have values after the {self.learnt_} that were learnt, got none among {len(values)} in "
                "all; take a larger valid, or give what has followed as well"
            )
        found = {"model": self._ahead(values, origins, self.horizon)}
        seasons = {"naive": 1, "seasonal naive": self.season}
        found |= {name: naive_from(values, origins, self.horizon, lag) for name, lag in seasons.items() if lag}
        return {name: float(np.sqrt(np.nanmean(np.square(wanted - ahead)))) for name, ahead in found.items()}

    def _given(self, data: Any) -> np.ndarray:
        """The values of a series, None for the fitted one. Raises ValueError where no forecast can follow."""
        self._check_fitted()
        if data is None:
            return np.asarray(self.values_)
        values, least = values_of(data), max(sum(self.lags_), self.season or 0) + 1
        if len(values) < least or not np.isfinite(values).any():
            raise ValueError(
                f"a series must have {least} values to be continued, after differences over {self.lags_} and a season, "
                f"got {len(values)}, of which {int(np.isnan(values).sum())} are missing"
            )
        return values

    def _held(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many values are known where forecasts of the held-out end begin; what follows (origins, horizon)."""
        count = max(len(values) - self.learnt_, 0)
        origins = np.unique(np.linspace(self.learnt_, len(values) - 1, min(count, MOST)).astype(int))
        wanted = ahead_of(values, self.horizon)[origins - 1]
        known = np.isfinite(wanted).any(axis=1)
        return origins[known], wanted[known]

    def _ahead(self, values: np.ndarray, origins: np.ndarray, steps: int) -> np.ndarray:
        """Returns forecasts (origins, steps), each after so many values, feeding predictions back."""
        change, state = self._states(values, origins)
        known, longest = filled(values), sum(self.lags_)
        rows = [known[origins - back] for back in range(longest, 0, -1)]
        for k in range(steps):
            if k:
                x = np.stack([change, np.zeros_like(change)], axis=-1)[None]
                prediction, state, _ = self.forward(self._moved(x), state)
                change = to_host(prediction)[0, :, 0]
            base = sum(sign * rows[-lag] for lag, sign in terms_of(self.lags_))
            rows.append(base + change.astype(np.float64) * self.scale_ + self.mean_)
        return weighed(np.stack(rows[longest:], axis=1), naive_from(values, origins, steps, self.naive_), self.weight_)

    def _inputs(self, values: np.ndarray) -> Array:
        """What the network reads (T - lost to differences, 1, 2)."""
        z, weights = scaled(values, Scaling(self.lags_, self.mean_, self.scale_), self.dtype)
        return self._moved(np.stack([z, 1 - weights], axis=-1)[:, None])

    def _states(self, values: np.ndarray, origins: np.ndarray) -> tuple[np.ndarray, Any]:
        """The next change (origins,) by the network at each origin, and the states there side by side."""
        x = self._inputs(values)
        state, start, changes, states = None, 0, [], []
        for origin in origins.tolist():
            end = origin - sum(self.lags_)
            prediction, state, _ = self.forward(x[start:end], state)
            start = end
            changes.append(prediction[-1, :, 0])
            states.append(state)
        xp = array_module(x)
        joined = map_state(lambda *parts: xp.concatenate(parts, axis=1), *states)
        return to_host(xp.concatenate(changes)), joined

    def _check_fitted(self) -> None:
        if not hasattr(self, "errors_"):
            raise ValueError("a forecaster must have learnt a series before it forecasts; call fit(series)")
        self.check_finite()
