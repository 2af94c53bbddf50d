"""The LSTM of Ng's course 5: one matrix a gate over [a_prev; x_t], in columns, batch second, time last.

No code of npseq is used here. x (n_x, m, T_x), Wf, Wi, Wc, Wo (n_a, n_a + n_x), bf, bi, bc, bo (n_a, 1). The update
gate is i, the candidate cct.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf, Wi, Wc, Wo = parameters["Wf"], parameters["Wi"], parameters["Wc"], parameters["Wo"]
    concat = np.concatenate([a_prev, xt], axis=0)
    ft = sigmoid(Wf @ concat + parameters["bf"])
    it = sigmoid(Wi @ concat + parameters["bi"])
    cct = np.tanh(Wc @ concat + parameters["bc"])
    ot = sigmoid(Wo @ concat + parameters["bo"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    return a_next, c_next, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters):
    a, c = a0, np.zeros_like(a0)
    caches, outputs = [], np.zeros((a0.shape[0], x.shape[1], x.shape[2]))
    for t in range(x.shape[2]):
        a, c, cache = lstm_cell_forward(x[:, :, t], a, c, parameters)
        outputs[:, :, t] = a
        caches.append(cache)
    return outputs, caches


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_next.shape[0]
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dctotal = dc_next + ot * (1 - np.square(np.tanh(c_next))) * da_next
    dcct = dctotal * it * (1 - np.square(cct))
    dit = dctotal * cct * it * (1 - it)
    dft = dctotal * c_prev * ft * (1 - ft)
    concat = np.concatenate([a_prev, xt], axis=0)
    gradients = {
        "dWf": dft @ concat.T,
        "dWi": dit @ concat.T,
        "dWc": dcct @ concat.T,
        "dWo": dot @ concat.T,
        "dbf": np.sum(dft, axis=1, keepdims=True),
        "dbi": np.sum(dit, axis=1, keepdims=True),
        "dbc": np.sum(dcct, axis=1, keepdims=True),
        "dbo": np.sum(dot, axis=1, keepdims=True),
    }
    Wf, Wi, Wc, Wo = parameters["Wf"], parameters["Wi"], parameters["Wc"], parameters["Wo"]
    gradients["da_prev"] = Wf[:, :n_a].T @ dft + Wi[:, :n_a].T @ dit + Wc[:, :n_a].T @ dcct + Wo[:, :n_a].T @ dot
    gradients["dxt"] = Wf[:, n_a:].T @ dft + Wi[:, n_a:].T @ dit + Wc[:, n_a:].T @ dcct + Wo[:, n_a:].T @ dot
    gradients["dc_prev"] = dctotal * ft
    return gradients


def lstm_backward(da, caches):
    T_x = da.shape[2]
    xt = caches[0][8]
    total = {name: 0 for name in ("dWf", "dWi", "dWc", "dWo", "dbf", "dbi", "dbc", "dbo")}
    dx = np.zeros((xt.shape[0], da.shape[1], T_x))
    da_prevt, dc_prevt = np.zeros_like(da[:, :, 0]), np.zeros_like(da[:, :, 0])
    for t in reversed(range(T_x)):
        gradients = lstm_cell_backward(da[:, :, t] + da_prevt, dc_prevt, caches[t])
        da_prevt = gradients["da_prev"]
        dc_prevt = gradients["dc_prev"]
        dx[:, :, t] = gradients["dxt"]
        for name in total:
            total[name] = total[name] + gradients[name]
    return total | {"dx": dx, "da0": da_prevt}
