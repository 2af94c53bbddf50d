"""The labels of a cell's lines in docs/derivations, and its letters where they are not those of the code."""

from npseq.cell import Cell
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

LSTM = "i, f, g, c_new, o, m"  # of labels L1 to L6
BEFORE, AFTER = "r, z, m v, n", "r, z, -, -, v, n"  # of G1 to G6
GALLERY = {  # in the order of C1, C2, ...; line=letter, and - where no line is; W_x, W_h, b are those of every gate
    "CoupledLSTMCell": "f, g, c_new, o, h_new, dc_all, da_o, da_f, da_g, dc, dh, dx, W_x, W_h, b",
    "IndRNNCell": "a, h_new, -, da_h, dh, dx, W_x, b, u du",
    "InputForgetLSTMCell": "i, g, c_new, o, h_new, dc_all, da_o, da_i, da_g, dc, dh, dx, W_x, W_h, b",
    "JANETCell": "a_f, f, k, g, h_new, -, -, da_f, da_g, dh, dx, W_x, W_h, b",
    "LRUCell": "a_r, a_i, a_d=d, s_2=l_r, s_3=l_i, r_new, i_new, -, h_new, s_4=dr_all, s_5=di_all, da_r, da_i, -, "
    "s_6=dl_r, s_7=dl_i, dr, di, dx, W_x, b, nu dnu, theta dtheta, gamma dgamma, W_zh_1=W_zr W_zh_2=W_zi",
    "LayerNormLSTMCell": "a_o a_i a_f a_g, s_1=q_o s_2=q_i s_3=q_f s_4=q_g, r_o r_i r_f r_g, o=n_o i=n_i f=n_f g=n_g, "
    "s_5=o, s_7=i, s_6=f, s_8=g, c_new, s_9=q_c, s_10=r_c, s_11=n_c, s_12=y, h_new, dbeta_c=d_c, s_14=e_c, "
    "s_15=dc_all, dbeta_o=d_o, dbeta_i=d_i, dbeta_f=d_f, dbeta_g=d_g, s_13=e_o s_16=e_i s_17=e_f s_18=e_g, "
    "da_o da_i da_f da_g, dc, dh, dx, W_x, W_h, b, gamma_o gamma_i gamma_f gamma_g gamma_c "
    "dgamma_o dgamma_i dgamma_f dgamma_g dgamma_c, beta_o beta_i beta_f beta_g beta_c",
    "LeakyRNNCell": "a a_h=u, h_new, -, da_h, dh, dx, W_x, W_h, b",
    "MGUCell": "f, m, a_n v n, h_new, da_n, dm, -, da_f, dh, dx, W_x, W_hf, b, W_hn",
    "MinGRUCell": "z, a_n=n, h_new, da_z, da_n, dh, dx, W_x, b",
    "MinLSTMCell": "f, i, a_n=n, k, h_new, s_1=s_k, da_f, da_i, da_n, dh, dx, W_x, b",
    "NgGRUCell": "r, z, m, a_n v n, h_new, da_z, da_n, dm, da_r, dh, dx, W_x, W_h, b, W_hn",
    "PeepholeLSTMCell": "o, i, f, g, c_new, h_new, dc_all, da_o, da_i, da_f, da_g, dc, dh, dx, W_x, W_h, b, "
    "p_o p_i p_f dp_o dp_i dp_f",
    "RecurrentDropoutLSTMCell": "o, i, f, g, s_1=r, c_new, h_new, dc_all, da_o, da_i, da_f, da_g, dc, dh, dx, W_x, "
    "W_h, b",
    "SLSTMCell": "o, z, a_i a_f, -, m_new, i, f, c_new, n_new, h_new, da_o, s_2=dc_all, s_3=dn_all, da_z, s_4=e_i, "
    "s_5=e_f, s_6=dm_all, da_i, da_f, dc, dn, dm, dh, dx, W_x, W_h, b",
    "ZoneoutLSTMCell": "o, i, f, g, s_1=q, c_new, h_new, s_2=dq, da_o, da_i, da_f, da_g, dc, dh, dx, W_x, W_h, b",
}


def letters_of(cell: Cell) -> tuple[dict[str, str], dict[str, str]]:
    """{line: how the page calls it}, and {line or parameter: its label}, of what is not in Equations.labels."""
    letters = {f"d{name}": f"d{name}[t]" for name in cell.vectors}  # one step's part of a gradient
    letter, numbered, more = "C", "", {}
    if type(cell) is RNNCell:
        letter, numbered = "R", "a, h_new"
    elif type(cell) is GRUCell:
        letter, numbered, more = "G", BEFORE if cell.reset == "before" else AFTER, {"h_new": "G7"}
    elif type(cell) is LSTMCell:
        letter, numbered, more = "L", LSTM, {"h_new": "L7" if cell.projected else "L6"}
    elif type(cell).__module__.startswith("npseq.gallery."):
        numbered = GALLERY[type(cell).__name__]
    labels = {}
    for k, lines in enumerate(filter(None, numbered.split(", "))):
        for line in lines.split():
            name, _, shown = line.partition("=")
            letters |= {name: shown} if shown else {}
            labels[name] = f"{letter}{k + 1}"
    for gate in cell.gates:
        for kind, every in (("a_", gate), ("W_x", "W_x"), ("W_h", "W_h"), ("b_", "b")):
            if every in labels:
                labels.setdefault(f"{kind}{gate}", labels[every])
    return letters, labels | more
