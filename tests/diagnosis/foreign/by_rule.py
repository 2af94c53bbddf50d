"""Mutants of somebody's backward pass, made by rule: each operator, transpose and value of forward changed once."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from diagnosis.foreign.runs import HERE, RUNS, Case

FORWARD = {  # what forward computed: values that are taken for each other
    "cs231n_lstm": "prev_h prev_c i f o g next_c next_h tanh_c",
    "karpathy_rnn": "",
    "ng_lstm": "a_next c_next a_prev c_prev ft it cct ot",
    "gru_after": "h r z n hn h_next",
    "gru_before": "z r hh h",
}
BACKWARD = {  # the functions that go back, of each implementation
    "cs231n_lstm": ("lstm_step_backward", "lstm_backward"),
    "karpathy_rnn": ("backward",),
    "ng_lstm": ("lstm_cell_backward", "lstm_backward"),
    "gru_after": ("backward",),
    "gru_before": ("backward",),
}


def sources(name: str) -> list[str]:
    """Every mutant's source."""
    tree = ast.parse((HERE / f"{name}.py").read_text("utf-8"))
    inside = [node for node in ast.walk(tree) if getattr(node, "name", "") in BACKWARD[name]]
    places = [(k, n) for k, node in enumerate(inside) for n, _ in enumerate(ast.walk(node))]
    made = []
    for k, n in places:
        for change in range(len(list(_changes(_at(tree, name, k, n), FORWARD[name].split())))):
            other = copy.deepcopy(tree)
            function = [node for node in ast.walk(other) if getattr(node, "name", "") in BACKWARD[name]][k]
            target = list(ast.walk(function))[n]
            new = list(_changes(target, FORWARD[name].split()))[change]
            made.append(ast.unparse(ast.fix_missing_locations(_Put(target, new).visit(other))))
    return list(dict.fromkeys(made))


def _at(tree: ast.AST, name: str, k: int, n: int) -> ast.AST:
    function = [node for node in ast.walk(tree) if getattr(node, "name", "") in BACKWARD[name]][k]
    return list(ast.walk(function))[n]


def _changes(node: ast.AST, names: list[str]) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left, ast.Add(), right):
            yield from (left, right, ast.BinOp(left, ast.Sub(), right))
        case ast.BinOp(left, ast.Sub(), right):
            yield from (left, right, ast.BinOp(left, ast.Add(), right), ast.BinOp(right, ast.Sub(), left))
        case ast.BinOp(left, ast.Mult(), right):
            yield from (left, right)
        case ast.Attribute(value, "T"):
            yield value
        case ast.Name(name, ast.Load()) if name in names:
            yield from (ast.Name(other, ast.Load()) for other in names if other != name)


class _Put(ast.NodeTransformer):
    """Puts another expression in the place of one."""

    def __init__(self, old: ast.AST, new: ast.AST):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def cases(name: str, many: int, rng: Any) -> Iterator[tuple[str, Case]]:
    """Mutants that run, whose gradients are finite and wrong, in a random order: the changed line, and the case."""
    right, made, plain = RUNS[name](), sources(name), ast.unparse(ast.parse((HERE / f"{name}.py").read_text("utf-8")))
    found = 0
    for k in rng.permutation(len(made)):
        try:
            wrong = RUNS[name](source=made[k])
        except Exception:
            continue  # most names cannot stand in for each other
        values = {**wrong.grads, **({} if wrong.dx is None else {"x": wrong.dx})}
        shapes = {key: np.shape(value) for key, value in right.grads.items()} | {"x": right.dx.shape}
        if any(np.shape(v) != shapes[key] or not np.isfinite(v).all() for key, v in values.items()):
            continue
        if all(np.allclose(v, (right.grads | {"x": right.dx})[key], rtol=1e-9) for key, v in values.items()):
            continue
        lines = zip(plain.splitlines(), made[k].splitlines(), strict=True)
        yield next(f"{old.strip()} -> {new.strip()}" for old, new in lines if old != new), wrong
        found += 1
        if found == many:
            return
