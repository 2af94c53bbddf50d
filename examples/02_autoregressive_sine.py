"""The autoregressive model: the next value from the last tau = 4 (d2l, "Sequence Models").

A noisy sine of 1,000 steps; a perceptron 4-10-1 learns from the first 600 pairs. Its loss has no factor 1/2, so noise
alone costs 0.2^2 = 0.04. One step ahead, from true values, it does well on the 396 steps that it never saw.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import lagged_windows, noisy_sine
from npseq.models import Forecaster
from npseq.models.counting import one_step, root_mean_square

LAGS, TRAINING = 4, 600
rng = np.random.default_rng(0)
x = noisy_sine(1000, noise=0.2, rng=rng)
windows, targets = lagged_windows(x, LAGS)
print(f"{len(windows)} windows of {windows.shape[1]} values; the first: {windows[0].round(2)} -> {targets[0]:.2f}")

model = Forecaster(LAGS, hidden_size=10, rng=rng)
learnt, losses = (windows[:TRAINING], targets[:TRAINING]), []
d2l = {"epochs": 5, "batch_size": 16, "valid": 0, "optimizer": ns.Adam(0.01), "clip": None}
model.fit(learnt, **d2l, rng=rng, callbacks=lambda model, _: losses.append(model.evaluate(learnt)))
for epoch, loss in enumerate(losses, start=1):
    print(f"epoch {epoch}, loss {loss:.4f}")

prediction = one_step(model.predict, x, LAGS)
unseen = root_mean_square(prediction[TRAINING:], x[TRAINING + LAGS :])
print(f"root mean square error one step ahead, on unseen steps: {unseen:.3f} (the noise alone: 0.200)")

figure = new_figure(8, 4.5)
axes = figure.subplots()
time = np.arange(1, len(x) + 1)
axes.plot(time, x, color="0.75", linewidth=0.8, label="data, with noise of standard deviation 0.2")
axes.plot(time[LAGS:], prediction, linewidth=1.2, label="one step ahead")
axes.plot(time, np.sin(0.01 * time), "k--", linewidth=1, label="the sine without noise")
axes.axvline(TRAINING + LAGS, color="tab:red", linewidth=1)
axes.annotate("trained on what lies left", (TRAINING + LAGS - 8, 1.42), ha="right", color="tab:red")
axes.set(xlabel="time step t", ylabel="x", xlim=(1, 1000), ylim=(-1.7, 1.7))
axes.set_title("One step ahead stays close to the sine, also right of the red line")
axes.legend(loc="lower left", fontsize=8)
save(figure, __file__)

# over the 75 builds of d2l's book: smallest 0.0460, median 0.0524, largest 0.0683
print(f"loss after epoch 5: got {losses[-1]:.4f}, expected 0.046 to 0.068")
