"""The letters of an exercise: those of Dive into Deep Learning, with a batch in rows, or Ng's, with one in columns."""

import ast
import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from npseq.learn.content import Arrays, Line, Task

LETTERS = ("d2l", "ng")

_D2L = (
    "x:X h:H_prev h_new:H c:C_prev c_new:C i:I f:F o:O g:C_tilde r:R z:Z n:H_tilde m:M v:V a:A q:O p:Y_hat onehot:Y "
    "dx:dX dh:dH_prev dh_new:dH dc:dC_prev dc_new:dC dc_all:dC_all di:dI df:dF do:dO dg:dC_tilde dn:dH_tilde dz:dZ "
    "dr:dR dm:dM dv:dV da:dA da_i:dA_i da_f:dA_f da_o:dA_o da_g:dA_c da_r:dA_r da_z:dA_z da_n:dA_h dq:dO "
    "W_xg:W_xc W_hg:W_hc b_g:b_c dW_xg:dW_xc dW_hg:dW_hc db_g:db_c passed:passed da_f_1:dA_f_1 "
    "W_xn:W_xh W_hn:W_hh b_n:b_h dW_xn:dW_xh dW_hn:dW_hh db_n:db_h b_hn:b_hh db_hn:db_hh"
)
_STEPS = "h_#:H_# x_#:X_# c_#:C_# o_#:O_# f_#:F_# i_#:I_# g_#:C_tilde_# dy_#:dY_# dh_#:dH_# dc_#:dC_# da_#:dA_#"
_WHOLE = "h:H h0:H0 c:C c0:C0 dy:dY dh:dH dh0:dH0 dc:dC dc0:dC0"
_NG = {
    "softmax": "p:yhat onehot:y N:m h_new:a_next W_hq:Wya b_q:by q:z dq:dz dW_hq:dWya db_q:dby dh_new:da_next",
    "rnn": (
        "x:xt h:a_prev h_new:a_next a:z dh_new:da_next da:dtanh dx:dxt dh:da_prev W_xh:Wax W_hh:Waa b_h:ba "
        "dW_xh:dWax dW_hh:dWaa db_h:dba"
    ),
    "gru": (
        "x:xt h:c_prev h_new:c_next dh_new:dc_next dh:dc_prev dx:dxt r:Gr n:cct dn:dcct_new dz:dGu dr:dGr da_r:dar "
        "da_z:dau da_n:dcct b_r:br b_z:bu b_n:bc b_hn:bcc"
    ),
    "lstm": (
        "x:xt h:a_prev h_new:a_next c:c_prev c_new:c_next dh_new:da_next dc_new:dc_next dh:da_prev dc:dc_prev dx:dxt "
        "i:it f:ft o:ot g:cct di:dGi df:dGf do:dGo dg:dcc da_i:dit da_f:dft da_o:dot da_g:dcct da_f_1:df_1 "
        "b_i:bi b_f:bf b_o:bo b_g:bc"
    ),
}
TOKEN = re.compile(r"(?<![\w.])([A-Za-z]\w*?)(_t|_\{t[+-]1\})?(?![\w{])")  # a name, of a step
_NG_STEPS = "h_#:a_# g_#:cc_# dh_#:da_# da_#:dtanh_#"
_NG_WHOLE = "x:x h:a h0:a0 g:cc dx:dx dh0:da0 i:i f:f o:o c:c c0:c0"
GATES = {"gru": "r:r z:u n:c", "lstm": "i:i f:f o:o g:c"}  # the matrix [W_h, W_x] of a gate in Ng's letters
ROWS = {"gru": "n_c", "lstm": "n_a"}


def table(text: str) -> dict[str, str]:
    """{base: other} of "a:b c:d"; of "h_#:H_#" for steps 0 to 3."""
    found = {}
    for pair in text.split():
        old, new = pair.split(":")
        for step in "0123" if "#" in pair else "0":
            found[old.replace("#", step)] = new.replace("#", step)
    return found


def names(task: Task, letters: str) -> dict[str, str]:
    """{name in the letters of docs/derivations: expression of these letters}."""
    if letters == "d2l":
        return table(f"{_D2L} {_STEPS}{f' {_WHOLE}' if task.whole else ''}")
    topic = "rnn" if task.topic == "truncation" else task.topic
    found = table(f"{_NG[topic]} {_NG_STEPS}{f' {_NG_WHOLE}' if task.whole else ''}")
    for pair in GATES.get(topic, "").split():
        gate, own = pair.split(":")
        rows = ROWS[topic]
        found |= {f"W_h{gate}": f"W{own}[:, :{rows}]", f"W_x{gate}": f"W{own}[:, {rows}:]"}
    return found | ({"z": "(1 - Gu)"} if topic == "gru" else {})


class Columns(ast.NodeTransformer):
    """Turns an expression of rows into that of columns: every array is its transpose."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.MatMult):
            left, right = right, left
        return ast.BinOp(left, node.op, right)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        axis = next((word for word in node.keywords if word.arg == "axis"), None)
        if axis is None:
            return self.generic_visit(node)
        kept = ast.keyword("keepdims", ast.Constant(True))
        func = self.visit(node.func)
        return ast.Call(func, [], [ast.keyword("axis", ast.Constant(1)), kept])


def renamed(text: str, mapping: Mapping[str, str]) -> str:
    """A text with every name in it replaced, all at once."""
    return re.sub(r"(?<![\w.])[A-Za-z_]\w*", lambda found: mapping.get(found[0], found[0]), text)


def expression(text: str, task: Task, letters: str) -> str:
    """A line's expression, or an equation "name = expression", in these letters."""
    name, equals, right = text.rpartition(" = ")
    if letters == "ng" and not right.startswith("for each"):
        right = ast.unparse(Columns().visit(ast.parse(right, mode="eval").body))
    mapping = names(task, letters)
    name = renamed(name, mapping).replace("(1 - Gu)", "Gu")
    whole = f"{name}{equals}{renamed(right, mapping)}".replace("(1 - (1 - Gu))", "Gu")
    return re.sub(r"\[(t(?: - 1)?)\]", r"[:, :, \1]", whole) if letters == "ng" else whole


def prose(text: str, task: Task, letters: str) -> str:
    """A text whose names stand in backticks, without these."""
    mapping = names(task, letters)
    return re.sub(r"`([^`]*)`", lambda found: renamed(found[1], mapping), text)


def said(words: str, task: Task, letters: str) -> str:
    """Words of a diagnosis with d2l's letters: in an equation each letter is a name, elsewhere one with a step is."""
    if letters != "d2l":
        return f"{words} (in the letters of docs/derivations, a batch in rows)"
    mapping = names(task, letters) | ({"da_h": "dA"} if task.topic == "rnn" else {})

    def name(found: re.Match[str], short: int) -> str:
        base, step = found[1], found[2] or ""
        return (mapping.get(base, base) if len(base) > short or step else base) + step

    parts = re.split("(: |; )", words)
    return "".join(TOKEN.sub(partial(name, short=0 if " = " in part else 1), part) for part in parts)


def given(task: Task, letters: str) -> list[str]:
    """The names that the function takes."""
    if letters == "ng" and task.ng_given:
        return task.ng_given.split()
    mapping = names(task, letters)
    found = [mapping.get(name, name) for name in task.given.split()]
    found = ["Gu" if name == "(1 - Gu)" else name.partition("[")[0] for name in found]
    return list(dict.fromkeys(found))


def lines(task: Task, letters: str) -> tuple[Line, ...]:
    """The lines to write."""
    if letters == "ng" and task.ng:
        return task.ng
    mapping = names(task, letters)
    return tuple(
        Line(
            mapping.get(line.name, line.name),
            line.right and expression(line.right, task, letters),
            line.label,
            tuple((expression(slip, task, letters), prose(words, task, letters)) for slip, words in line.slips),
        )
        for line in task.lines
    )


def arrays(base: Arrays, task: Task, letters: str) -> Arrays:
    """All arrays of an exercise under their names in these letters, the parts of matrices too."""
    mapping = names(task, letters)
    if letters == "d2l":
        return {mapping.get(name, name): value for name, value in base.items()}
    found = {mapping.get(name, name): turned(value) for name, value in base.items()}
    if task.topic == "gru":
        found |= {name: -found[name] for name in ("dGu", "dau", "bu") if name in found}
        if "z" in base:
            found["Gu"] = 1 - found.pop("(1 - Gu)")
    for both in map(partial(_both, base, found), GATES.get(task.topic, "").split()):
        found |= both
    if "h" in base and "x" in base and not task.whole:
        found["concat"] = np.concatenate([base["h"].T, base["x"].T])
        found |= {"concat_r": np.concatenate([base["m"].T, base["x"].T])} if "m" in base else {}
    return found


def _both(base: Arrays, found: Arrays, pair: str) -> Arrays:
    """The matrix [W_h, W_x] of a gate, and its two parts."""
    gate, own = pair.split(":")
    if f"W_h{gate}" not in base:
        return {}
    sign, rows = -1 if gate == "z" else 1, "n_c" if "Gr" in found else "n_a"
    h, x = (sign * base[f"W_{k}{gate}"].T for k in "hx")
    return {f"W{own}": np.concatenate([h, x], axis=1), f"W{own}[:, :{rows}]": h, f"W{own}[:, {rows}:]": x}


def turned(value: np.ndarray) -> np.ndarray:
    """An array with a batch in columns: a bias is a column, time is the last axis."""
    value = np.asarray(value)
    return value[:, None] if value.ndim == 1 else value.T.copy()


def whole(found: Arrays, task: Task, letters: str) -> Arrays:
    """The gradients of a loop over time, {line of docs/derivations: value}, in these letters."""
    mapping = names(task, letters)
    if letters == "d2l":
        return {mapping.get(name, name): value for name, value in found.items()}
    if task.topic == "rnn":
        return {mapping.get(name, name): turned(value) for name, value in found.items()}
    both = {}
    for pair in GATES[task.topic].split():
        gate, own = pair.split(":")
        both[f"dW{own}"] = np.concatenate([found[f"dW_h{gate}"].T, found[f"dW_x{gate}"].T], axis=1)
        both[f"db{own}"] = found[f"db_{gate}"][:, None]
    return both | {"dx": turned(found["dx"]), "da0": found["dh0"].T, "dc0": found["dc0"].T}


def back(found: Arrays, task: Task, letters: str) -> Arrays:
    """The gradients that somebody wrote in these letters under npseq's names, as `npseq.diagnose` reads them."""
    mapping = names(task, letters)
    by_name: dict[str, Callable[[], np.ndarray]] = {}
    for base in (line.name for line in task.lines):
        name = mapping.get(base, base)
        if name in found:
            by_name[base] = partial(_row, found[name], letters)
    for pair in GATES.get(task.topic, "").split() if letters == "ng" else ():
        gate, own = pair.split(":")
        if f"dW{own}" in found:
            both = found[f"dW{own}"]
            by_name[f"dW_h{gate}"] = both[:, : len(both)].T.copy
            by_name[f"dW_x{gate}"] = both[:, len(both) :].T.copy
        if f"db{own}" in found:
            by_name[f"db_{gate}"] = found[f"db{own}"][:, 0].copy
    values = {name[1:]: value() for name, value in by_name.items()}
    return {name: value[None] if name in ("h0", "c0") else value for name, value in values.items()}


def _row(value: np.ndarray, letters: str) -> np.ndarray:
    if letters == "d2l":
        return value
    return value[:, 0] if value.shape[-1] == 1 else value.T.copy()
