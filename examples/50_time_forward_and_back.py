"""Time goes forward: is it easier to say what comes next than what came before? (Dive into Deep Learning, 9.1.)

Where causes lie before effects, as in x_{t+1} = 4 x_t (1 - x_t): a value has one successor, but two that it may have
come from. A sum of independent normal shocks looks the same both ways. So does a text to one who counts: by the chain
rule the probability of a whole text is a product in either order. To fill in a value between its neighbours
(interpolation) is easier than to go on (extrapolation).
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import lagged_windows, load_corpus
from npseq.models import Forecaster, NGramModel
from npseq.models.counting import root_mean_square

LAGS, HALF = 4, 1000
rng = np.random.default_rng(0)
logistic, shocks, drift = [0.3], rng.normal(size=2 * HALF), [0.0]
for shock in shocks[1:]:
    logistic.append(4 * logistic[-1] * (1 - logistic[-1]))
    drift.append(0.9 * drift[-1] + shock)


def error(windows, targets):
    """Root mean square error on the second half, after training on the first, over the targets' own spread."""
    model = Forecaster(windows.shape[1], 32, rng=1)
    model.fit(
        (windows[:HALF], targets[:HALF]), epochs=30, batch_size=16, valid=0, optimizer=ns.Adam(0.01), clip=None, rng=2
    )
    return root_mean_square(model.predict(windows[HALF:]), targets[HALF:]) / targets.std()


def scaled(values):
    values = np.array(values)
    return ((values - values.mean()) / values.std()).astype(np.float32)


errors = {}
for name, series in {"logistic map": scaled(logistic), "autoregression": scaled(drift)}.items():
    errors[name] = [error(*lagged_windows(way, LAGS)) for way in (series, series[::-1].copy())]
    print(f"{name}: error forward {errors[name][0]:.3f}, backward {errors[name][1]:.3f} of the spread")

around, _ = lagged_windows(scaled(drift), LAGS + 1)
between = error(around[:, [0, 1, 3, 4]], around[:, 2].copy())
print(f"autoregression: error from two values on each side {between:.3f}")

ids, vocab = load_corpus(max_tokens=20_000, clean="letters")
counted = {n: [NGramModel(way, vocab, n).perplexity(way) for way in (ids, ids[::-1])] for n in (1, 2, 3)}
for n, (forward, backward) in counted.items():
    print(f"{n}-grams of a text: perplexity forward {forward:.4f}, backward {backward:.4f}")

left, right = (figure := new_figure(9, 4)).subplots(1, 2)
left.plot(logistic[:-1], logistic[1:], ".", markersize=3)
left.set(xlabel="x before", ylabel="x after", title="One after, two before")
names = ["logistic\nforward", "logistic\nbackward", "shocks\nforward", "shocks\nbackward", "shocks\nbetween"]
right.bar(names, [*errors["logistic map"], *errors["autoregression"], between], color=["C0", "C1", "C0", "C1", "C2"])
right.set(ylabel="error, as a share of the spread", title="A fifth value from four")
right.tick_params(axis="x", labelsize=8)
save(figure, __file__)
forward, backward = errors["logistic map"]
print(f"error backward over error forward, logistic map: got {backward / forward:.1f}, expected at least 5")
