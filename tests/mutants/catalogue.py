"""The bug zoo of npseq.diagnosis, put in the place of npseq's own backward: every mistake in its configuration.

A mistake that has numbers is put in by them. One that has none, or lies outside a layer, is an edit of npseq's source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mutants.mutant import Mutant, Patch, by_numbers, edit, wrap

from npseq import losses
from npseq.bptt import loop
from npseq.diagnosis.zoo import CATALOGUE as MISTAKES
from npseq.gradcheck import check
from npseq.layers import embedding
from npseq.layers.recurrent import Recurrent

CASES_OF = {
    "lstm": "F1 F2 F3 F4 F6a F6b F8 F9 F10 F19 G6 G8 G9 G10 G11 G12 G13 G14 G15 G16 T4 T5 T11 T12 S6",
    "gru after": "F5 F14 F17 G7 G20 G21 G22 G23 G25 G26 T7 S5",
    "rnn": "F7 F13 F15 G1 G2 G3 G5 T1 T2 T3 T6 T8 T9 T10 S1 S2 S3 S4 S8",
    "rnn three layers, bidirectional": "F11 L6",
    "gru three layers": "F12",
    "lstm saturated": "F16",
    "language model": "F18 S10",
    "lstm ragged": "F20 T14 T15",
    "rnn relu": "G4",
    "lstm peepholes": "G17 G18 G19",
    "gru before": "G24 G27",
    "gru ragged": "T13",
    "rnn bidirectional": "L1 L2 L3 L4 L5",
    "two kinds": "L7",
    "rnn two layers": "L8",
    "rnn dropout": "L9 L10 L11",
    "lstm projection": "S7",
    "rnn token ids": "S9 S11",
}  # fmt: skip
CASE = {id: case for case, ids in CASES_OF.items() for id in ids.split()}


def no_setter() -> Any:
    return wrap(Recurrent, "params", lambda right: property(lambda self: None), missing=True)()


def reset_to_a_list(right: Any) -> Any:
    def wrong(self, *arguments, **options):
        self.steps_seen = getattr(self, "steps_seen", 0)
        self.steps_seen += 1
        found = right(self, *arguments, **options)
        self.steps_seen = []
        return found

    return wrong


def dx_every_time(rows):
    dx = next(row for row in rows if row.name == "x")
    return tuple(replace(dx, name=row.name) for row in rows)


def summed_over_time(right):
    def wrong(logits, targets):
        loss, dlogits = right(logits, targets)
        return loss, dlogits * len(targets)

    return wrong


def overwrite(target, index, values):
    target[index] = values


EDITS: dict[str, Patch] = {
    "F6a": no_setter,
    "F6b": wrap(Recurrent, "backward", reset_to_a_list),
    "F17": edit(check.checked, "tuple(rows) -> dx_every_time(rows)", dx_every_time=dx_every_time),
    "F18": wrap(losses, "softmax_cross_entropy", summed_over_time),
    "F19": edit(loop.backward, "dh = dh + dy_t -> dy_t += dh; dh = dy_t"),
    "L9": edit(Recurrent.input_adjoints, "zip(below, masks, -> zip(below, map(self.dropout.draw, below),"),
    "S10": wrap(embedding, "scatter_add", lambda right: overwrite),
}
CATALOGUE = tuple(
    Mutant(
        mistake.id,
        mistake.what,
        CASE[mistake.id],
        EDITS[mistake.id] if mistake.id in EDITS else by_numbers(mistake),
        mistake.where,
        raises=mistake.id in ("F6a", "F6b"),
        lets_pass="F5" if mistake.id == "F17" else "",
    )
    for mistake in MISTAKES
)
ZOO: dict[str, Mutant] = {mutant.id: mutant for mutant in CATALOGUE}
