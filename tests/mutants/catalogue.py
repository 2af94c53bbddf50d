"""The bug zoo: every wrong backward pass that npseq's checker has to catch, published ones first."""

from __future__ import annotations

from mutants.gates import GATES
from mutants.mutant import Mutant
from mutants.published import PUBLISHED
from mutants.stacks import STACKS
from mutants.steps import STEPS
from mutants.sums import SUMS

CATALOGUE = PUBLISHED + GATES + STEPS + STACKS + SUMS
ZOO: dict[str, Mutant] = {mutant.id: mutant for mutant in CATALOGUE}
