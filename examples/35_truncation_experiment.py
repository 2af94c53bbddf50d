"""Full, regular and randomised truncation at equal cost (d2l, "Backpropagation Through Time": three strategies).

The notes say of randomised truncation that in practice it is no better than regular. Here it is tried. Every update
reads a window of T = 56 steps with the state carried, and the gradient within it is

    full        whole
    regular     cut into segments of 14 steps, as in the notes
    truncated   each loss carried back 8 steps, itself counted
    random      every carry kept with probability p and weighed 1 / p: unbiased
    roulette    a random lag N with P(N > k) = q^k, each lag weighed by its inverse: unbiased

The cost is the number of steps that a loss is carried back, itself counted, on average: 7.5 for regular and truncated,
for p and q by their choice, 28.5 for full. That is the work when every loss goes back by itself; one pass for all of
them takes as long for full as for regular, and then memory is what regular saves. `--full` takes longer, and keeps its
numbers in benchmarks/results/truncation.json.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from save_figure import new_figure, save
from scipy.optimize import root_scalar

import npseq as ns
from npseq.bptt.truncation import Plan
from npseq.commands.inspection import case, in_float64, reading
from npseq.inspect import ledger, random_truncation_variance, roulette_variance, truncation_bias
from npseq.training import Epoch, train_epoch

T, SEGMENT, REACH, EPOCHS = 56, 14, 8, 19
RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "truncation.json"
LABELS = {"full": "full", "regular": f"regular, {SEGMENT}", "truncated": f"truncated, {REACH}", "random": "random",
          "roulette": "roulette"}  # fmt: skip


class Segments:
    """The notes' regular truncation within a window: nothing passes from one segment to the one before."""

    def plan(self, strands, steps, longest):
        return Plan(None, np.ones((strands, 1)) * (np.arange(steps) % SEGMENT != 0))


def geometric_cost(p):
    """How far a loss is carried back on average, where each further step is made with probability p."""
    return sum(p**k * (T - k) for k in range(T)) / T


COST = {"full": (T + 1) / 2, "regular": (SEGMENT + 1) / 2, "truncated": sum(min(REACH, t) for t in range(1, T + 1)) / T}
assert COST["regular"] == COST["truncated"] == 7.5, "they are chosen to cost the same"
P = root_scalar(lambda p: geometric_cost(p) - COST["regular"], bracket=(0.5, 0.999)).root
COST.update(random=geometric_cost(P), roulette=geometric_cost(P))


def truncation(arm, rng):
    return {
        "full": lambda: None,
        "regular": Segments,
        "truncated": lambda: ns.Truncated(REACH),
        "random": lambda: ns.RandomTruncation(P, rng),
        "roulette": lambda: ns.RouletteTruncation(lambda k: P**k, rng),
    }[arm]()


def learn(arm, seed, ids, new, vocab, options):
    """The model, and perplexities after every epoch: on a text that it never sees, and while it learns."""
    rng = np.random.default_rng(seed)
    model, optimizer = ns.LanguageModel(vocab, "rnn", options.hidden, rng=rng), ns.Adam(options.lr)
    cut, curve = truncation(arm, np.random.default_rng(1000 + seed)), []
    how = Epoch(batch_size=options.batch, steps=T, clip=1.0, truncation=cut)
    for _ in range(EPOCHS):
        metrics = train_epoch(model, ids, optimizer, how, rng=rng)
        curve.append((float(np.exp(model.evaluate(new, 1000))), metrics.perplexity))
    return model, np.array(curve)


def errors(model, ids, batch):
    """E |g' - g|^2 / |g|^2 of every truncation, exact, over the recurrent layer's parameters; and of minibatches."""
    found = case(in_float64(model), reading(ids, T, batch))
    parts = ledger(found.layer, found.dy, found.tape)
    whole = sum((g**2).sum() for g in parts.gradient.values())
    cut = found.layer.backward(found.dy, found.tape, truncation=Segments())[2]
    others = [case(in_float64(model), reading(ids[k : -50 + k], T, batch)) for k in range(0, 50, 5)]
    drawn = np.array([one.layer.backward(one.dy, one.tape)[2].flat for one in others])
    return {
        "regular": sum(((cut[name] - g) ** 2).sum() for name, g in parts.gradient.items()) / whole,
        "truncated": truncation_bias(parts).relative[REACH - 1] ** 2,
        "random": random_truncation_variance(parts, P) / whole,
        "roulette": roulette_variance(parts, lambda k: P**k) / whole,
        "minibatch": drawn.var(axis=0, ddof=1).sum() / whole,
    }


def experiment(options):
    """All that is plotted and said, as JSON can carry it."""
    corpus = "time-machine" if os.environ.get("NPSEQ_DATA") else "python-topics"
    ids, vocab = ns.data.load_corpus(corpus, max_tokens=options.tokens + options.new, clean="letters")
    ids, new = ids[: options.tokens], ids[options.tokens :]
    curves, found = {arm: [] for arm in COST}, []
    for seed in range(options.seeds):
        for arm in COST:
            model, curve = learn(arm, seed, ids, new, vocab, options)
            curves[arm].append(curve.tolist())
            print(f"seed {seed}, {LABELS[arm]}: perplexity {curve[-1, 0]:.3f} on a new text, {curve[-1, 1]:.3f} while "
                  "learning", flush=True)  # fmt: skip
            if arm == "full":
                found.append({name: float(value) for name, value in errors(model, ids, 16).items()})
    return {"corpus": corpus, "cost": COST, "keep": P, **vars(options), "curves": curves, "errors": found}


def answer(result):
    """One sentence with its numbers, and the better randomised truncation's perplexity over regular's."""
    equal = round(EPOCHS * COST["regular"] / COST["full"])
    last = {arm: np.array(curves)[:, -1, 0] for arm, curves in result["curves"].items()}
    at = {**last, "full": np.array(result["curves"]["full"])[:, equal - 1, 0]}
    said = ", ".join(f"{LABELS[arm]} {v.mean():.2f} +- {v.std(ddof=1):.2f}" for arm, v in at.items())
    ratio = min(at[arm].mean() for arm in ("random", "roulette")) / at["regular"].mean()
    spread = max(at[arm].std(ddof=1) for arm in ("random", "roulette", "regular"))
    clear = "worse" if ratio > 1 + spread / at["regular"].mean() else "better" if ratio < 1 else "no better"
    return ratio, (
        f"at equal cost, {COST['regular']} steps back a loss ({equal} epochs of full, {EPOCHS} of the others), the "
        f"perplexity on a new text is {said} over {result['seeds']} seeds; randomised is {clear} than regular, and "
        f"full needs {COST['full'] / COST['regular']:.1f} times the work for its {last['full'].mean():.2f}"
    )


def draw(result):
    figure = new_figure(11, 4.5)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for k, (arm, curves) in enumerate(result["curves"].items()):
        steps = COST[arm] * np.arange(1, EPOCHS + 1)
        values = np.array(curves)[:, :, 0]
        left.plot(steps, values.mean(axis=0), color=f"C{k}", label=LABELS[arm])
        left.fill_between(steps, values.min(axis=0), values.max(axis=0), color=f"C{k}", alpha=0.2, linewidth=0)
    left.axvline(COST["regular"] * EPOCHS, color="black", linestyle="--", linewidth=1)
    left.set(xscale="log", xlabel="steps back a character, in all epochs together (dashed: equal cost)")
    left.set(ylabel="perplexity on a text never seen", title="What the same work is worth")
    left.legend()
    names = list(result["errors"][0])
    values = np.array([[found[name] for name in names] for found in result["errors"]])
    right.bar(names, values.mean(axis=0), color=["C1", "C2", "C3", "C4", "0.6"])
    right.plot(names, values.T, "k.", markersize=4)
    right.set(yscale="log", ylabel="E |g' - g|² / |g|², exact", title="Bias, squared, and variance")
    save(figure, __file__)


parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
parser.add_argument("--full", action="store_true", help="longer, on the whole book, and kept as JSON")
full = parser.parse_args().full
quick = {"tokens": 6_000, "new": 3_000, "hidden": 32, "batch": 16, "lr": 1e-2, "seeds": 2}
longer = {"tokens": 150_000, "new": 20_000, "hidden": 128, "batch": 32, "lr": 3e-3, "seeds": 5}
result = experiment(argparse.Namespace(**(longer if full else quick)))
if full:
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
draw(result)
ratio, sentence = answer(result)
for name in result["errors"][0]:
    print(f"E |g' - g|^2 / |g|^2 of {name}: {np.mean([found[name] for found in result['errors']]):.3g}")
print(sentence)
print(f"perplexity of the better randomised truncation over regular's: got {ratio:.3f}, expected 0.99 to 1.05")
