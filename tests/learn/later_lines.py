"""Wrong lines that were written in three rounds, each before looking at what the marker knew, which was then mended.

At first sight it named 57 of 73, 54 of 59 and 41 of 43. A row: the exercise, its letters and the line, what was
written, and the beginning of the reason; "-" is an edit of the solution of an exercise with a loop.
"""

TEXT = """
softmax_1 d2l dO | Y_hat * (Y - Y_hat) / N | two things: the sign is wrong; and there is a factor Y_hat too many
softmax_1 d2l dO | -Y / Y_hat / N | that is the gradient by Y_hat; go on, through the softmax, to its scores
softmax_1 d2l dO | (Y_hat - Y).mean(axis=0) | its shape is (5,), (3, 5) is needed
softmax_1 d2l dW_hq | H.T @ dO / N | it must not be divided by the number of sequences
softmax_1 d2l db_q | dO.sum(axis=1) | the sum is over axis 0, the sequences
softmax_1 d2l dH | W_hq @ dO.T | it is transposed
softmax_1 d2l dH | dO @ W_hq.T * H | there is a factor H too many
rnn_1 d2l dA | dH * (1 - H)**2 | the derivative is (1 - H**2): H alone is squared, not 1 - H
rnn_1 d2l dA | dH**2 * (1 - H**2) | the factor dH comes twice
rnn_1 d2l dA | dH / np.cosh(H)**2 | the derivative is (1 - H**2): H is a tanh already, and tanh was taken once more
rnn_1 ng dtanh | (1 - a_next**2) + da_next | a product belongs here, da_next * (1 - a_next**2), not a sum
rnn_2 d2l dH_prev | dA * W_hh.sum(axis=1) | a matrix product belongs here, dA @ W_hh.T, not one entry by entry
rnn_2 d2l dX | dA @ W_xh.T + dA @ W_hh.T | the shapes do not fit; dX (5, 3) is to be made of dA (5, 4), W_xh (3, 4)
rnn_2 d2l dH_prev | dA @ W_hh.T + dA | there is a path dA too many
rnn_2 d2l dH_prev | dA @ np.linalg.inv(W_hh) | the transpose of W_hh belongs here, not its inverse
rnn_3 d2l dW_hh | H_prev.T @ dA + H.T @ dA | there is a path too many: H.T @ dA
rnn_3 d2l dW_xh | X.T @ dA.sum(axis=0) | the shapes do not fit; dW_xh (3, 4) is to be made of X (5, 3), dA (5, 4)
rnn_3 d2l dW_xh | np.outer(X.sum(axis=0), dA.sum(axis=0)) | in X.T @ dA a product is summed; a product of the sums has
rnn_3 d2l db_h | np.ones(4) | every entry is 1; no gradient is in it
rnn_3 d2l dW_xh | X.mean(axis=0)[:, None] * dA.mean(axis=0) | in X.T @ dA a product is summed; a product of the sums h
rnn_3 ng dWaa | dtanh * a_prev | its shape is (4, 5), (4, 4) is needed
rnn_4 d2l dA_2 | (dY_2 + dY_1) * (1 - H_2**2) | there is a path too many: dY_1 * (1 - H_2**2)
rnn_4 d2l dH_1 | dY_1 + dA_2 @ W_hh.T * (1 - H_1**2) | there is a factor (1 - H_1**2) too many at dA_2 @ W_hh.T
rnn_4 d2l dH_1 | dY_1 + dY_2 * (1 - H_2**2) | the matrix W_hh.T is missing
rnn_4 d2l dW_hh | H_0.T @ dA_1 + H_1.T @ dA_2 + H_2.T @ dY_2 | there is a path too many: H_2.T @ dY_2
rnn_4 d2l dW_hh | H_1.T @ (dA_1 + dA_2) | H_1 is the wrong step: H_0 belongs here
rnn_4 d2l dW_xh | X_1.T @ dY_1 + X_2.T @ dY_2 | two things: dY_1 is the wrong one: dA_1 belongs here; and dY_2 is the
rnn_4 d2l dH_0 | dA_1 @ W_hh.T * (1 - H_0**2) | there is a factor (1 - H_0**2) too many
rnn_4 d2l dH_0 | dH_1 @ W_hh.T | dH_1 is the wrong one: dA_1 belongs here
rnn_5 d2l - | dW_hh += h_before.T @ dA -> dW_hh += dA.T @ h_before | dW_h transposed
rnn_5 d2l - | dX[t] = dA @ W_xh.T -> dX[t] = dH @ W_xh.T | dH_{t+1} in place of dA: dX = dH_{t+1} W_xh^T
rnn_5 d2l - | dH = dA @ W_hh.T -> dH += dA @ W_hh.T | there is a term dH_{t+1} too many: dH = dH_{t+1} + dA W_hh^T
rnn_5 d2l - | reversed(range(len(X))) -> range(len(X)) | the steps are taken from the first to the last
rnn_5 d2l - | H[t - 1] if t > 0 else H0 -> H[t - 1] | W_hh: multiplied at the first step with the last state, which an
gru_1 d2l dH_tilde | dH * (1 - Z) * (1 - H_tilde**2) | there is a factor (1 - H_tilde**2) too many
gru_1 d2l dH_prev | dH * Z * H_prev | there is a factor H_prev too many at dH
gru_1 d2l dZ | dH * (H_prev - H_tilde) * Z * (1 - Z) | there is a factor Z * (1 - Z) too many
gru_1 ng dc_prev | dc_next - Gu | a bracket is missing around 1 - Gu
gru_2 d2l dA_z | dZ * Z * (1 - Z) ** 2 | there is a factor (1 - Z) too many
gru_2 d2l dA_h | dH_tilde * (1 - Z**2) | Z is the wrong one: H_tilde belongs here
gru_3 d2l dR | dM + H_prev | a product belongs here, dM * H_prev, not a sum
gru_3 d2l dM | (dA_h * H_prev) @ W_hh.T | there is a factor H_prev too many at dA_h
gru_3 d2l dA_r | dM * R * (1 - R) | dM is the wrong one: dR belongs here
gru_4 d2l dH_prev | dH * Z + dM * R + (dA_r + dA_z) @ W_hr.T | W_hr is the wrong one: W_hz belongs here
gru_4 d2l dX | dA_r @ W_xr.T + dA_z @ W_xz.T + dM @ W_xh.T | dM is the wrong one: dA_h belongs here
gru_5 d2l dW_hr | H_prev.T @ dA_h | dA_h is the wrong one: dA_r belongs here
gru_5 d2l db_h | dA_h.sum(axis=0) + dA_r.sum(axis=0) | there is a path too many: dA_r.sum(axis=0)
gru_6 d2l dA_r | dV * R * (1 - R) | R is the wrong one: V belongs here
gru_6 d2l dH_prev | dH * Z + (dA_h @ W_hh.T) * R + dA_r @ W_hr.T + dA_z @ W_hz.T | R multiplies before the matrix prod
gru_6 d2l db_hh | dA_h.sum(axis=0) | dA_h is the wrong one: dV belongs here
gru_7 d2l - | total * (h_before - H_tilde[t]) -> total * (H_tilde[t] - h_before) | dZ with the sign of 1 - z
gru_7 d2l - | (R[t] * h_before).T @ dA_h -> (R[t] * H[t]).T @ dA_h | W_hh: multiplied with r*H in place of M_t
lstm_1 d2l dO | dH * np.tanh(C) * O * (1 - O) | there is a factor O * (1 - O) too many
lstm_2 d2l dC_all | dC + dH * O * np.tanh(C) * (1 - np.tanh(C)**2) | the derivative is (1 - tanh(C)**2): there is a fa
lstm_2 d2l dC_all | dC * O * (1 - np.tanh(C)**2) + dH | dC and dH are exchanged
lstm_3 d2l dC_prev | dC_all * (1 - F) | F belongs here, not 1 - F
lstm_4 d2l dA_f | dF * F * (F - 1) | the derivative is F * (1 - F): it has the wrong sign
lstm_5 d2l dX | (dA_i + dA_f + dA_o + dA_c) @ W_xi.T | W_xi.T stands in every path; each of them has its own
lstm_6 ng dbf | dft.sum(axis=1, keepdims=True) / concat.shape[1] | it is a sum over axis 1, the sequences, not a mean
lstm_7 d2l dC_0 | dC_1 * F_1 + dC_2 * F_2 | there is a path too many: dC_2 * F_2
lstm_7 d2l dC_2 | dY_2 * O_2 * (1 - np.tanh(C_2)**2) + passed | there is a path passed too many
lstm_7 d2l dA_f_1 | dC_1 * C_0 * F_2 * (1 - F_2) | F_2 is the wrong step: F_1 belongs here
lstm_8 d2l - | dC = dC * F[t] -> dC = dC * F[t - 1] | [f of the step before, the last one's at the first step] in plac
lstm_8 d2l - | dH = dY[t] + dH -> dH = dH | every gradient is zero: dY is in none
truncation_1 d2l dA_1 | (dY_1 + dA_2 @ W_hh.T + dA_3 @ W_hh.T @ W_hh.T) * s_1 | there is a path too many: dA_3 @ W_hh.
truncation_1 d2l dA_3 | 0 * dY_3 | it is zero: nothing was computed
truncation_2 d2l e_31 | e_32 @ W_hh.T * s_2 | s_2 multiplies before the matrix product, not after it
truncation_2 d2l G_2 | H_0.T @ e_31 | the factor s_1 is missing
truncation_2 d2l G_0 | H_1.T @ (dY_2 * s_2) + H_2.T @ (dY_3 * s_3) | the path H_0.T @ (dY_1 * s_1) is missing
truncation_3 d2l dH_2 | dY_2 + (dY_3 * s_3) @ W_hh.T * xi_3 * keep | multiply by 1 / keep, do not divide by it
truncation_3 d2l dH_1 | dY_1 + (dH_2 * s_2) @ W_hh.T * xi_3 / keep | xi_3 is the wrong step: xi_2 belongs here
truncation_3 d2l dH_2 | dY_2 / keep + (dY_3 * s_3) @ W_hh.T * xi_3 / keep | dY_2 must not be divided by keep
rnn_5 d2l - | 0 * W_xh, 0 * W_hh, -> W_xh.copy(), W_hh.copy(), | W_*: the parameter itself is added

softmax_1 d2l dO | Y - Y_hat | two things: the factor 1 / N is missing; and the sign is wrong
softmax_1 d2l dO | (Y_hat - Y) / Y.shape[1] | it is 0.6 times as large as it should be
softmax_1 d2l dW_hq | H.T @ Y_hat | Y_hat is the wrong one: dO belongs here
softmax_1 d2l dH | dO * W_hq | the shapes do not fit; dH (3, 4) is to be made of dO (3, 5), W_hq (4, 5)
softmax_1 d2l db_q | dO.sum() | the sum is over axis 0, the sequences, alone
rnn_1 d2l dA | H * (1 - H**2) | H is the wrong one: dH belongs here
rnn_1 d2l dA | dH * (1 - H**2) + H | there is a term H too many
rnn_1 d2l dA | dH * (1 - H**2) / 5 | it must not be divided by the number of sequences
rnn_1 d2l dA | np.where(H > 0, dH, 0) | the derivative is (1 - H**2): that is the derivative of a ReLU; this is a tanh
rnn_2 d2l dH_prev | dA.T @ W_hh | the shapes do not fit; dH_prev (5, 4) is to be made of dA (5, 4), W_hh (4, 4)
rnn_2 d2l dH_prev | W_hh.T @ dA.T | its shape is (4, 5), (5, 4) is needed
rnn_3 d2l dW_hh | dA.T @ H_prev / 5 | two things: it is transposed; and it must not be divided by the number of sequen
rnn_3 d2l db_h | np.mean(dA) | its shape is (), (4,) is needed
rnn_4 d2l dW_hh | H_0.T @ dA_1 + H_1.T @ dA_2 + H_2.T @ dA_2 | there is a path too many: H_2.T @ dA_2
rnn_4 d2l dH_0 | dY_1 + dA_1 @ W_hh.T | there is a path dY_1 too many
rnn_4 d2l dA_1 | (dY_1 + dA_2 @ W_hh.T) * (1 - H_1)**2 | the derivative is (1 - H_1**2): H_1 alone is squared, not 1 -
rnn_4 d2l dH_1 | (dY_1 + dA_2) @ W_hh.T | W_hh.T belongs to dA_2 alone: the bracket is too wide
rnn_4 d2l dW_xh | (X_1 + X_2).T @ dA_2 | dA_2 is the wrong step: dA_1 belongs here
rnn_5 d2l - | (1 - H[t] ** 2) -> (1 - h_before ** 2) | the derivative of the state before the step, H_{t-1} in place o
rnn_5 d2l - | dH = dA @ W_hh.T -> dH = dY[t] @ W_hh.T | dY in place of dA: dH = dY W_hh^T
rnn_5 d2l - | db_h += dA.sum(axis=0) -> db_h += dA[0] | bias gradient summed over time only, the first sequence's
rnn_5 d2l - | reversed(range(len(X))) -> reversed(range(1, len(X))) | the first step is never back-propagated
rnn_5 d2l - | dY[t] + dH -> dY[t] * dH | every gradient is zero: dY is in none
gru_1 d2l dH_prev | dH * Z + dH | there is a path dH too many
gru_2 d2l dA_z | dZ * (1 - Z) - Z | two things: the derivative is Z * (1 - Z): one factor is Z itself; and a bracket i
gru_3 d2l dR | dM * H_prev * (1 - R) | there is a factor (1 - R) too many
gru_4 d2l dH_prev | dH * Z + dM * R + dA_r @ W_hr + dA_z @ W_hz | two things: W_hr must be transposed; and W_hz must b
gru_4 d2l dX | dA_r @ W_xr.T + dA_z @ W_xz.T + dA_h @ W_xz.T | W_xz is the wrong one: W_xh belongs here
gru_5 d2l dW_xr | H_prev.T @ dA_r | its shape is (4, 4), (3, 4) is needed
gru_6 d2l dV | dA_h * (1 - R) | R belongs here, not 1 - R
gru_6 d2l dW_hh | (R * H_prev).T @ dA_h | R multiplies dA_h, not H_prev
gru_7 d2l - | dM * R[t] -> dM | reset gate left out of dH
gru_7 d2l - | * R[t] * (1 - R[t]) -> * R[t] | r in place of r (1 - r): dA_r = dM H_{t-1} R
lstm_1 d2l dA_o | dO * O * (1 - O) * np.tanh(C) | there is a factor tanh(C) too many
lstm_2 d2l dC_all | dC + dH * O * (1 - np.tanh(C))**2 | the derivative is (1 - tanh(C)**2): tanh(C) alone is squared,
lstm_2 d2l dC_all | dC + dH * np.tanh(C) * O * (1 - O) | that is the path through O to its gate; through tanh(C) the c
lstm_3 d2l dI | dC_all * I * (1 - I) * C_tilde | there is a factor I * (1 - I) too many
lstm_3 d2l dF | dC_all * C_prev * F | there is a factor F too many at dC_all
lstm_4 d2l dA_c | dC_tilde * (1 - C_tilde) | the derivative is (1 - C_tilde**2): C_tilde is not squared
lstm_5 d2l dH_prev | dA_i @ W_hi.T + dA_f @ W_hf.T + dA_o @ W_ho.T + dA_c @ W_ho.T | W_ho is the wrong one: W_hc belon
lstm_6 d2l db_f | dA_f.sum(axis=0) / 5 | it is a sum over axis 0, the sequences, not a mean
lstm_7 d2l dC_1 | dC_2 * F_2 + dH_1 * O_1 * (1 - np.tanh(C_2)**2) | C_2 is the wrong step: C_1 belongs here
lstm_7 d2l dA_f_1 | dC_1 * C_0 * (1 - F_1**2) | the derivative is F_1 * (1 - F_1): that is the derivative of a tanh; t
lstm_7 d2l dH_1 | dY_1 + dY_2 + passed | there is a path dY_2 too many
lstm_8 d2l - | dA_i = dC * C_tilde[t] -> dA_i = dC * C[t] | C_t in place of g: dA_i = dC_all I (1 - I) C_t
lstm_8 d2l - | (1 - np.tanh(C[t]) ** 2) -> (1 - C[t] ** 2) | C_t in place of tanh(C_t): dC_all = dC_t + dH_t (1 - C_t^
lstm_8 d2l - | dH = dY[t] + dH -> dH = dY[t] | dH from the next step overwritten by dY
truncation_1 d2l dW_hh | H_0.T @ dA_1 + H_1.T @ dA_2 + H_1.T @ dA_3 | H_1 is the wrong step: H_2 belongs here
truncation_1 d2l dA_1 | (dY_1 + dA_2 @ W_hh) * s_1 | W_hh must be transposed
truncation_2 d2l G_1 | H_0.T @ (e_21 * s_1) + H_1.T @ (e_32 * s_3) | s_3 is the wrong step: s_2 belongs here
truncation_2 d2l e_32 | dY_3 @ W_hh.T | the factor s_3 is missing
truncation_2 d2l dW_hh | G_0 | the term G_1 is missing
truncation_3 d2l dH_1 | dY_1 + (dH_2 * s_2) @ W_hh.T * xi_2 / (1 - keep) | keep belongs here, not 1 - keep
truncation_3 d2l dH_2 | dY_2 + (dY_3 * s_3) @ W_hh.T * xi_3 | the factor 1 / keep is missing
truncation_3 d2l dH_1 | dY_1 + (dY_2 * s_2) @ W_hh.T * xi_2 / keep | dY_2 is the wrong one: dH_2 belongs here
rnn_4 d2l dW_hh | dA_1.T @ H_0 + dA_2.T @ H_1 | it is transposed
gru_4 d2l dH_prev | dH * Z + dM * R + dA_r @ W_hr.T + dA_h @ W_hz.T | dA_h is the wrong one: dA_z belongs here
lstm_5 d2l dX | dA_i @ W_xi.T + dA_f @ W_xf.T + dA_o @ W_xo.T - dA_c @ W_xc.T | dA_c @ W_xc.T has the wrong sign
lstm_6 ng dWf | concat @ dft.T | it is transposed

softmax_1 ng dz | (yhat - y) / m * yhat | there is a factor yhat too many
softmax_1 ng dWya | dz.T @ a_next | the shapes do not fit; dWya (5, 4) is to be made of dz (5, 3), a_next (4, 3)
softmax_1 ng da_next | Wya @ dz | the shapes do not fit; da_next (4, 3) is to be made of Wya (5, 4), dz (5, 3)
softmax_1 d2l dO | (Y_hat - Y) * N | multiply by 1 / N, do not divide by it
softmax_1 d2l dH | dO @ W_hq.T / N | it must not be divided by the number of sequences
rnn_1 ng dtanh | da_next * (a_next**2 - 1) | the derivative is (1 - a_next**2): it has the wrong sign
rnn_1 d2l dA | dH * (1 - H**2) * (1 - H**2) | the derivative is (1 - H**2): it comes twice
rnn_1 d2l dA | np.tanh(dH) * (1 - H**2) | two things: the factor dH is missing; and there is a factor tanh(dH) too man
rnn_2 ng dxt | Waa.T @ dtanh | Waa is the wrong one: Wax belongs here
rnn_2 ng da_prev | Waa.T * dtanh | the shapes do not fit; da_prev (4, 5) is to be made of Waa (4, 4), dtanh (4, 5)
rnn_2 d2l dX | (dA @ W_xh.T) / 4 | it must not be divided by the number of units
rnn_3 ng dWax | xt @ dtanh.T | it is transposed
rnn_3 ng dba | dtanh.sum(axis=0, keepdims=True) | the sum is over axis 1, the sequences
rnn_3 ng dWaa | dtanh @ a_next.T | a_next is the wrong step: a_prev belongs here
rnn_3 d2l dW_hh | (H_prev * dA).sum(axis=0) | its shape is (4,), (4, 4) is needed
rnn_3 d2l dW_xh | X.T @ dA - X.T @ dA.mean(axis=0, keepdims=True).repeat(5, axis=0) | (unnamed)
rnn_4 ng da_1 | dy_1 + Waa @ dtanh_2 | Waa must be transposed
rnn_4 ng dWaa | dtanh_1 @ a_1.T + dtanh_2 @ a_2.T | two things: a_2 is the wrong step: a_1 belongs here; and a_1 is th
rnn_4 d2l dH_1 | 0.5 * (dY_1 + dA_2 @ W_hh.T) | it must not be divided by the number of steps
rnn_4 d2l dW_hh | (H_0 * H_1).T @ (dA_1 + dA_2) | (unnamed)
rnn_4 d2l dW_xh | X_1.T @ dA_1 + X_2.T @ dY_2 | dY_2 is the wrong one: dA_2 belongs here
gru_1 ng dcct_new | dc_next * (1 - Gu) | Gu belongs here, not 1 - Gu
gru_2 ng dau | dGu * (1 - Gu**2) | the derivative is Gu * (1 - Gu): that is the derivative of a tanh; this is a sigmoi
gru_3 ng dm | Wc @ dcct | the shapes do not fit; dm (4, 5) is to be made of Wc[:, :n_c] (4, 4), dcct (4, 5)
gru_3 d2l dA_r | dR * R * (1 + R) | the derivative is R * (1 - R): there is a minus in it
gru_4 ng dc_prev | dc_next * (1 - Gu) + dm + Wr[:, :n_c].T @ dar + Wu[:, :n_c].T @ dau | the factor Gr is missing
gru_4 d2l dX | dA_r @ W_xr.T + dA_z @ W_xz.T + dA_h @ W_xh.T + dM | the shapes do not fit; dX (5, 3) is to be made of
gru_5 ng dWc | dcct @ concat.T | concat is the wrong one: concat_r belongs here
gru_6 d2l dA_r | dA_h * V * (1 - R**2) | the derivative is R * (1 - R): that is the derivative of a tanh; this is a si
gru_6 d2l dH_prev | dH * Z + dV @ W_hh.T + dA_r @ W_hr.T | the path dA_z @ W_hz.T is missing
lstm_1 ng dGo | da_next * c_next | the tanh of c_next is missing
lstm_2 ng dc_all | dc_next + da_next * ot * (1 - c_next)**2 | two things: the tanh of c_next is missing; and the deriv
lstm_3 ng dGf | dc_all * c_next | c_next is the wrong step: c_prev belongs here
lstm_4 ng dft | dGf * ft * (1 - it) | the derivative is ft * (1 - ft), of one and the same gate
lstm_4 d2l dA_c | dC_tilde * I * (1 - I) | two things: the derivative is (1 - C_tilde**2): that is the derivative of a
lstm_5 ng da_prev | Wi.T @ dit + Wf.T @ dft + Wo.T @ dot + Wc.T @ dcct | its shape is (7, 5), (4, 5) is needed
lstm_6 ng dbf | dft.sum(axis=0, keepdims=True) | the sum is over axis 1, the sequences
lstm_7 d2l dC_0 | dC_1 * F_1 * C_0 | there is a factor C_0 too many at dC_1
lstm_7 d2l dC_1 | (dC_2 + dH_1 * O_1 * (1 - np.tanh(C_1)**2)) * F_2 | F_2 belongs to dC_2 alone: the bracket is too wi
truncation_1 d2l dA_3 | dY_3 * s_2 | s_2 is the wrong step: s_3 belongs here
truncation_2 d2l e_31 | (dY_3 * s_3) @ W_hh.T @ W_hh.T | the factor s_2 is missing
truncation_2 d2l G_1 | H_1.T @ (e_21 * s_1) + H_2.T @ (e_32 * s_2) | two things: H_2 is the wrong step: H_1 belongs he
truncation_3 d2l dH_1 | dY_1 * xi_2 / keep + (dH_2 * s_2) @ W_hh.T * xi_2 / keep | 1 / keep * xi_2 belongs to (dH_2 *
"""
LATER = []
for row in filter(None, TEXT.splitlines()):
    where, text, reason = row.split(" | ")
    name, letters, line = where.split()
    LATER.append((name, letters, line.strip("-"), text, "", reason.strip(), ""))
