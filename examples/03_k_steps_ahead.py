"""Further ahead: from the second step on a model reads its own forecasts (d2l, "Sequence Models").

With an error e at each step, which the next step passes on with a factor c, the error after k steps is
eps_k = e + c eps_{k-1}. Forecasts 4 steps ahead are still good; 64 steps ahead they are nearly useless, and a forecast
that starts at step 604 and reads nothing but itself soon stands still.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import lagged_windows, noisy_sine
from npseq.models import Forecaster
from npseq.models.counting import error_growth, k_step, multi_step, root_mean_square

LAGS, TRAINING, LONGEST = 4, 600, 64
rng = np.random.default_rng(8)
x = noisy_sine(rng=rng)
sine = np.sin(0.01 * np.arange(1, len(x) + 1))
windows, targets = lagged_windows(x, LAGS)
model = Forecaster(LAGS, 10, rng=rng)
d2l = {"epochs": 5, "batch_size": 16, "valid": 0, "optimizer": ns.Adam(0.01), "clip": None}
model.fit(windows[:TRAINING], targets[:TRAINING], **d2l, rng=rng)

columns = k_step(model.predict, x, LAGS, LONGEST)
print(f"forecasts 1 to {LONGEST} steps ahead from every step: {columns.shape[0]} x {columns.shape[1]}")
errors = []
for k in range(1, LONGEST + 1):
    first = LAGS + k - 1  # the step that the first row's k-step forecast is about
    errors.append(root_mean_square(columns[:, first], sine[first : first + len(columns)]))
for k in (1, 4, 16, 64):
    print(f"{k:2d} steps ahead: root mean square error {errors[k - 1]:.3f}")
free = multi_step(model.predict, x[: TRAINING + LAGS], LAGS, len(x) - TRAINING - LAGS)
print(f"in its last 100 steps the free-running forecast moves by {np.ptp(free[-100:]):.0e}: it stands still")

figure = new_figure(8, 7)
above, below = figure.subplots(2, 1, height_ratios=(3, 2))
above.plot(np.arange(1, len(x) + 1), x, color="0.8", linewidth=0.8, label="data")
for k in (1, 4, 16, 64):
    first = LAGS + k
    above.plot(np.arange(first, first + len(columns)), columns[:, first - 1], linewidth=1.1, label=f"{k} ahead")
above.plot(np.arange(TRAINING + LAGS + 1, len(x) + 1), free, "k--", linewidth=1.5, label="free-running from 604")
above.set(xlabel="time step t", ylabel="x", title="The further ahead, the worse: 64 ahead misses the wave")
above.set_ylim(-1.9, 1.7)
above.legend(ncols=3, fontsize=8, loc="lower left")
below.plot(range(1, LONGEST + 1), errors, label="measured, against the sine without noise")
gain, step_error = np.polyfit(errors[:-1], errors[1:], 1)
fitted = error_growth(step_error, gain, LONGEST - 1, start=errors[0])
below.plot(range(2, LONGEST + 1), fitted, "--", label=f"eps_k = {step_error:.3f} + {gain:.3f} eps_(k-1)")
below.set(xlabel="steps ahead k", ylabel="root mean square error", title="Fed back, the error grows with every step")
below.legend(fontsize=8)
below.set_ylim(0, None)
save(figure, __file__)

# with seeds 0 to 15: 2.8 to 5.9
print(f"error 64 steps ahead over error 4 steps ahead: got {errors[63] / errors[3]:.2f}, expected 2.5 to 6")
