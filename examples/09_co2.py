"""A real series with a trend, a season and gaps: CO2 in the air of Mauna Loa, week by week.

59 of its 2,284 weeks have no reading: those are put on the straight line between their neighbours. A perceptron learns
the change from week to week from the last 53 changes; adding them up gives the level, so that the trend is no obstacle.
"""

import os

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import lagged_windows, load_co2
from npseq.models import Forecaster
from npseq.models.counting import multi_step, naive, one_step, root_mean_square

LAGS, YEAR, TEST = 53, 52, 260  # weeks
rng = np.random.default_rng(0)
REAL = bool(os.environ.get("NPSEQ_DATA"))
if REAL:
    years, co2, missing = load_co2(missing="interpolate")
    print(f"{len(co2):,} weeks, {missing.sum()} of them without a reading")
else:
    print("NPSEQ_DATA is not set: the series is a made-up trend with a season and noise, not Mauna Loa's")
    years = 1958.24 + np.arange(2284) * 7 / 365.25
    age = years - 1958
    co2 = 315 + 0.75 * age + 0.0125 * age**2 + 3 * np.sin(2 * np.pi * years) + rng.normal(0, 0.3, len(years))
n, change = len(co2) - TEST, np.diff(co2)  # the last five years are for the test
scale = change[: n - 1].std()
z = (change / scale).astype(np.float32)

windows, targets = lagged_windows(z, LAGS)
model = Forecaster(LAGS, 10, rng=rng)
training = n - 1 - LAGS
learnt = windows[:training], targets[:training]
model.fit(learnt, epochs=15, valid=0, optimizer=ns.Adam(0.001), clip=None, rng=rng)
week = co2[n - 1 : -1] + scale * one_step(model.predict, z, LAGS)[training:]

figure = new_figure(9, 4.8)
axes = figure.subplots()
axes.plot(years[n - 60 :], co2[n - 60 :], "k", linewidth=1, label="measured" if REAL else "made up")
errors = []
for k, start in enumerate(range(n, len(co2), YEAR)):  # a forecast of a year from the beginning of each test year
    year = slice(start, start + YEAR)
    ahead = co2[start - 1] + scale * np.cumsum(multi_step(model.predict, z[: start - 1], LAGS, YEAR))
    seasonal = naive(co2[:start], YEAR, YEAR)
    errors.append([root_mean_square(forecast, co2[year]) for forecast in (ahead, seasonal)])
    axes.plot(years[year], ahead, "tab:blue", label=None if k else "model, from its own forecasts")
    axes.plot(years[year], seasonal, "tab:orange", linewidth=1, label=None if k else "naive: as a year ago")
    axes.axvline(years[start], color="0.85", zorder=0)
ours, theirs = np.sqrt((np.array(errors) ** 2).mean(axis=0))
axes.set(xlabel="year", ylabel="CO2 (parts per million)")
axes.set_title("A year ahead from each grey line: the model follows the trend, last year's curve lies below")
axes.legend(loc="upper left")
save(figure, __file__)

one, same = (root_mean_square(forecast, co2[n:]) for forecast in (week, co2[n - 1 : -1]))
print(f"one week ahead: off by {one:.3f} ppm, as last week: {same:.3f} ppm")
print(f"up to a year ahead: off by {ours:.3f} ppm, as a year ago: {theirs:.3f} ppm")
# with seeds 0 to 4: 0.38 to 0.69
print(f"error a year ahead over the naive one: got {ours / theirs:.2f}, expected 0.25 to 0.8")
