"""The exercise on the loss, from which every adjoint comes: docs/derivations/losses.md."""

import numpy as np

from npseq.learn.content import Arrays, Line, Task, drawn


def numbers() -> Arrays:
    """Three sequences, four units, five classes."""
    found = drawn(1, h_new=(3, 4), W_hq=(4, 5), b_q=(5,))
    scores = found["h_new"] @ found["W_hq"] + found["b_q"]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return found | {"p": p, "onehot": np.eye(5)[[3, 1, 4]], "N": np.array(3.0)}


TASKS = (
    Task(
        "softmax",
        1,
        "The loss and the output layer",
        "A softmax turns the scores `q` of each of `N` sequences into `p`; the loss is the mean over the sequences of "
        "-log of the probability of the right class, whose one-hot vector is `onehot`. Write the gradient by the "
        "scores, then by what the scores are made of.",
        ("q = h_new @ W_hq + b_q", "p = exp(q) / exp(q).sum(axis=1, keepdims=True)"),
        "p onehot N h_new W_hq",
        (
            Line(
                "dq",
                "(p - onehot) / N",
                "E5",
                (("-onehot / p / N", "that is the gradient by `p`; go on, through the softmax, to its scores"),),
            ),
            Line("dW_hq", "h_new.T @ dq", "R9"),
            Line("db_q", "dq.sum(axis=0)", "R10"),
            Line("dh_new", "dq @ W_hq.T", "R6"),
        ),
        (
            "-log of a softmax is log of the sum of all exponentials, less the right score. Take the derivative of "
            "each by one score.",
            "The derivative of the first is a probability, that of the second is 1 at the right class. The loss is a "
            "mean, so each sequence has a share.",
            "`dq` is `p` less `onehot`, divided by `N`. The rules for a product and for a bias are those of rnn 2 and "
            "rnn 3: a transpose on one side, and a sum over the sequences.",
        ),
        numbers,
    ),
)
