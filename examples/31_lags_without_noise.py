"""How many past values does a sine need? (an exercise of d2l's "Sequence Models")

Two, and a straight line through them: sin(w t) = 2 cos(w) sin(w (t - 1)) - sin(w (t - 2)). That is exact without noise.
With noise more values help, because an average over them is less noisy than the last two alone.
"""

import numpy as np
from save_figure import new_figure, save

from npseq.data import lagged_windows, noisy_sine
from npseq.models.counting import root_mean_square

TRAINING, MOST = 600, 40


def best_linear(series: np.ndarray, lags: int) -> tuple[np.ndarray, float]:
    """The weights of the best linear forecast from so many values, and its error on steps that it has not seen."""
    windows, targets = lagged_windows(series, lags)
    weights = np.linalg.lstsq(windows[:TRAINING], targets[:TRAINING], rcond=None)[0]
    return weights, root_mean_square(windows[TRAINING:] @ weights, targets[TRAINING:])


clean = noisy_sine(noise=0, dtype=np.float64)
weights, error = best_linear(clean, 2)
print(f"without noise the weights are {weights[0]:.10f} and {weights[1]:.10f}; 2 cos(0.01) = {2 * np.cos(0.01):.10f}")

figure = new_figure(9, 4.2)
left, right = figure.subplots(1, 2)
lags = range(1, MOST + 1)
left.semilogy(lags, [best_linear(clean, k)[1] for k in lags], "o-", markersize=3)
left.set(title="Without noise two values are enough", ylabel="root mean square error, unseen steps")
for noise in (0.02, 0.2):
    series = noisy_sine(noise=noise, rng=0, dtype=np.float64)
    errors = np.array([best_linear(series, k)[1] for k in lags])
    right.plot(lags, errors / noise, "o-", markersize=3, label=f"noise {noise}")
    print(f"noise {noise}: error {errors[0]:.3f} from 1 value, {errors[1]:.3f} from 2, {errors[-1]:.3f} from {MOST}")
right.axhline(1, color="k", linestyle=":", label="the noise's own deviation")
right.set(title="With noise more are better", ylabel="root mean square error / noise")
right.legend()
for axes in (left, right):
    axes.set_xlabel("number of past values (tau)")
    axes.grid(True, alpha=0.3)
save(figure, __file__)

print(f"error of the forecast from two values, without noise: got {error:.1e}, expected at most 1e-12")
