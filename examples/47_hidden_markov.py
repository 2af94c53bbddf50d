"""A hidden Markov model: when was the die loaded? (Dive into Deep Learning, 10.4: dynamic programming both ways.)

A gambler changes now and then to a die that falls on six every second time (Durbin, Eddy, Krogh & Mitchison,
"Biological Sequence Analysis", 3.1). forward_backward gives the probability of each state at each throw, given all
throws: the gradient of log P(throws), which the checker confirms. viterbi gives the likeliest path.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.models.counting import forward_backward, sample_states, viterbi

START, STEPS = np.array([0.5, 0.5]), np.array([[0.95, 0.05], [0.1, 0.9]])
FACES = np.array([[1 / 6] * 6, [0.1] * 5 + [0.5]])  # fair, loaded
rng = np.random.default_rng(0)
states = sample_states(START, STEPS, 300, rng=rng)
throws = np.array([rng.choice(6, p=FACES[state]) for state in states])

at = {"initial": np.log(START), "transition": np.log(STEPS), "emission": np.log(FACES[:, throws].T)}
found, (path, log_prob) = forward_backward(**at), viterbi(**at)
few = at | {"emission": at["emission"][:80]}
gradient = {name: getattr(forward_backward(**few), name) for name in few}
report = ns.gradcheck(lambda at: forward_backward(**at).log_prob, few, gradient, method="complex")
print(report)

alone = FACES[1, throws] > FACES[0, throws]  # each throw by itself: a six
guesses = {"each throw by itself": alone, "likeliest path": path == 1, "posterior": found.emission[:, 1] > 0.5}
for name, loaded in guesses.items():
    print(f"{name}: right at {(loaded == states).mean():.1%} of {len(states)} throws")
print(f"log P(throws) {found.log_prob:.2f}, of which the likeliest path has {log_prob:.2f}")
print("changes expected, given the throws:", found.transition.round(1).tolist())

figure = new_figure(9, 4)
axes = figure.subplots()
axes.fill_between(range(300), states, step="mid", color="0.85", label="loaded")
axes.plot(found.emission[:, 1], label="P(loaded | all throws)")
axes.plot(path * 1.04 - 0.02, "k:", label="likeliest path")
axes.plot(np.flatnonzero(throws == 5), np.full((throws == 5).sum(), 1.08), "|", color="C3", label="a six")
axes.set(xlabel="throw", title="Both directions of a hidden Markov model: forward, and its gradient")
figure.legend(loc="outside lower center", ncols=4)
save(figure, __file__)
print(f"posteriors against a complex step through log P(throws): got {report.max_error:.1e}, expected at most 1e-12")
