"""Keras 3's SimpleRNN, GRU and LSTM, alone or in Bidirectional, on the backend of KERAS_BACKEND, with a mask."""

import os

import keras
import numpy as np
from answering import serve, skip_truncated, skip_unless

BACKEND = keras.backend.backend()
if BACKEND == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
keras.backend.set_floatx("float64")


def layer_of(case):
    kind = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[case.cell]
    options = {"return_sequences": True, "return_state": True, "use_bias": bool(case.bias), "dtype": "float64"}
    if case.cell == "gru":
        options["reset_after"] = bool(case.reset_after)
    if case.cell == "rnn":
        options["activation"] = "relu" if case.relu else "tanh"
    layer = kind(case.hidden_size, **options)
    return keras.layers.Bidirectional(layer) if case.directions == 2 else layer


def answer(case):
    skip_truncated(case)
    skip_unless((case.layers == 1, "one layer is a Keras layer"))
    layer = layer_of(case)
    x = np.ascontiguousarray(case.x.transpose(1, 0, 2))
    mask = np.arange(case.T) < case.lengths[:, None]
    lstm = case.cell == "lstm"
    states = [getattr(case, part)[d] for d in range(case.directions) for part in ("h0", "c0")[: 1 + lstm]]
    layer.build(x.shape)
    layer.set_weights(list(case.w.values()))
    ones = keras.ops.convert_to_tensor

    def run(at, weights):
        call = {"mask": ones(mask), "initial_state": at[1:]}
        if BACKEND == "jax":
            outputs, _ = layer.stateless_call(weights, layer.non_trainable_variables, at[0], **call)
        else:
            outputs = layer(at[0], **call)
        y, *last = outputs
        parts = [keras.ops.stack(last[k :: 1 + lstm]) for k in range(1 + lstm)]
        return [keras.ops.transpose(y, (1, 0, 2)) * ones(mask.T[..., None].astype("float64")), *parts]

    upstream = [getattr(case, name) for name in ("dy", "dh", "dc")[: 2 + lstm]]
    outputs, grads = {"torch": by_torch, "jax": by_jax, "tensorflow": by_tensorflow}[BACKEND](
        run, [x, *states], layer.trainable_variables, upstream
    )
    dx, *rest = grads[: 1 + len(states)]
    found = dict(zip(("y", "h", "c"), outputs, strict=False)) | {"dx": np.asarray(dx).transpose(1, 0, 2)}
    found |= {f"d{part}0": np.stack(rest[k :: 1 + lstm]) for k, part in enumerate("hc"[: 1 + lstm])}
    return found | {f"d{name}": grad for name, grad in zip(case.w, grads[1 + len(states) :], strict=True)}


def by_torch(run, at, variables, upstream):
    import torch

    at = [torch.tensor(one, requires_grad=True) for one in at]
    outputs = run(at, None)
    grads = torch.autograd.grad(outputs, [*at, *(v.value for v in variables)], [torch.tensor(one) for one in upstream])
    return [one.detach().numpy() for one in outputs], [one.numpy() for one in grads]


def by_jax(run, at, variables, upstream):
    outputs, back = jax.vjp(run, [jax.numpy.array(one) for one in at], [v.value for v in variables])
    inputs, weights = back([jax.numpy.array(one) for one in upstream])
    return outputs, [*inputs, *weights]


def by_tensorflow(run, at, variables, upstream):
    import tensorflow as tf

    at = [tf.constant(one) for one in at]
    with tf.GradientTape() as tape:
        tape.watch(at)
        outputs = run(at, None)
    return outputs, tape.gradient(outputs, [*at, *(v.value for v in variables)], [tf.constant(one) for one in upstream])


os.environ.setdefault("KERAS_HOME", "build/keras")
serve(answer)
