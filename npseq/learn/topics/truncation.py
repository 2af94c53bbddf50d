"""The exercises on truncation: docs/derivations/truncation.md."""

import numpy as np

from npseq.learn.content import Arrays, Line, Task, drawn

B, D, H = 5, 2, 4
STEPS = tuple(f"h_{t} = tanh(x_{t} @ W_xh + h_{t - 1} @ W_hh + b_h)" for t in (1, 2, 3))


def three_steps() -> Arrays:
    """Three steps of five sequences, a loss at each, and random carries."""
    shapes = {f"x_{t}": (B, D) for t in (1, 2, 3)} | {f"dy_{t}": (B, H) for t in (1, 2, 3)}
    w = drawn(11, h_0=(B, H), **shapes, W_xh=(D, H), W_hh=(H, H), b_h=(H,))
    for t in (1, 2, 3):
        w[f"h_{t}"] = np.tanh(w[f"x_{t}"] @ w["W_xh"] + w[f"h_{t - 1}"] @ w["W_hh"] + w["b_h"])
        w[f"s_{t}"] = 1 - w[f"h_{t}"] ** 2
    xi = {"xi_2": np.array([[1.0], [0], [1], [1], [0]]), "xi_3": np.array([[0.0], [1], [1], [0], [1]])}
    return w | xi | {"keep": np.array(0.7)}


TASKS = (
    Task(
        "truncation",
        1,
        "Detach: chunks of a text",
        "Three steps are trained as two chunks: steps 1 and 2, then step 3 alone. The second chunk starts from `h_2`, "
        "detached: its value goes on, its gradient does not. `s_t` is 1 - h_t^2. Write the gradients by the "
        "pre-activations, and `dW_hh`, the sum over both chunks.",
        STEPS,
        "dy_1 dy_2 dy_3 s_1 s_2 s_3 h_0 h_1 h_2 W_hh",
        (
            Line("da_3", "dy_3 * s_3", "T3"),
            Line("da_2", "dy_2 * s_2", "T3"),
            Line("da_1", "(dy_1 + da_2 @ W_hh.T) * s_1", "T3"),
            Line("dW_hh", "h_0.T @ da_1 + h_1.T @ da_2 + h_2.T @ da_3", "T7"),
        ),
        (
            "What does step 3 pass back to step 2 here?",
            "Nothing. But step 2 passes back to step 1, as they are in one chunk.",
            "Detached or not, the value of `h_2` was multiplied by `W_hh` at step 3, so it is in `dW_hh`.",
        ),
        three_steps,
    ),
    Task(
        "truncation",
        2,
        "The gradient by lag",
        "A path's lag is how often it is carried from one step to the next. Split `dW_hh` into the paths of lag 0, 1 "
        "and 2, and write as `dW_hh` the gradient that is truncated at two steps: lags 0 and 1. `s_t` is 1 - h_t^2.",
        STEPS,
        "dy_1 dy_2 dy_3 s_1 s_2 s_3 h_0 h_1 h_2 W_hh",
        (
            Line("e_32", "(dy_3 * s_3) @ W_hh.T", "K1"),
            Line("e_21", "(dy_2 * s_2) @ W_hh.T", "K1"),
            Line("e_31", "(e_32 * s_2) @ W_hh.T", "K1"),
            Line("G_0", "h_0.T @ (dy_1 * s_1) + h_1.T @ (dy_2 * s_2) + h_2.T @ (dy_3 * s_3)", "K3"),
            Line("G_1", "h_0.T @ (e_21 * s_1) + h_1.T @ (e_32 * s_2)", "K3"),
            Line("G_2", "h_0.T @ (e_31 * s_1)", "K3"),
            Line("dW_hh", "G_0 + G_1", "K5"),
        ),
        (
            "`e_32` is the gradient of the loss at step 3 by `h_2`. One carry: through the nonlinearity of step 3, "
            "then through the matrix.",
            "A path that ends at step s adds the state before s, transposed, times its adjoint times `s_s`. Sort the "
            "six of them by lag.",
            "Lag 0 has three paths, lag 1 has two (3 to 2, 2 to 1), lag 2 has one (3 to 1).",
        ),
        three_steps,
    ),
    Task(
        "truncation",
        3,
        "Random truncation without bias",
        "What step t of a sequence passes back is kept with probability `keep` and cut otherwise: `xi_t`, a number for "
        "each sequence, is 1 or 0. Weigh what is kept so that the mean of the gradient is the whole one. `s_t` is "
        "1 - h_t^2.",
        STEPS,
        "dy_1 dy_2 dy_3 s_1 s_2 s_3 xi_2 xi_3 keep W_hh",
        (
            Line("dh_2", "dy_2 + (dy_3 * s_3) @ W_hh.T * xi_3 / keep", "K9"),
            Line("dh_1", "dy_1 + (dh_2 * s_2) @ W_hh.T * xi_2 / keep", "K9"),
        ),
        (
            "The mean of `xi_t` is `keep`. By what must it be divided to have mean 1?",
            "Only what is carried from step to step is weighed; the loss of the step itself is not.",
            "`dy_1` plus what `dh_2` passes back, times `xi_2`, divided by `keep`.",
        ),
        three_steps,
    ),
)
