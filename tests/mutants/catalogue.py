"""The bug zoo: every wrong backward pass that npseq's checker has to catch, published ones first."""

from __future__ import annotations

from mutants.gates import GATES
from mutants.mutant import Mutant
from mutants.paths import PATHS
from mutants.published import PUBLISHED

ZOO: dict[str, Mutant] = {mutant.id: mutant for mutant in PUBLISHED + GATES + PATHS}
