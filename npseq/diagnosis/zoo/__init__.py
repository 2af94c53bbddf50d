"""The bug zoo: wrong backward passes as changes of the right one, those that were published first."""

from npseq.diagnosis.mistake import Mistake
from npseq.diagnosis.zoo.gates import GATES
from npseq.diagnosis.zoo.published import PUBLISHED
from npseq.diagnosis.zoo.stacks import STACKS
from npseq.diagnosis.zoo.steps import STEPS
from npseq.diagnosis.zoo.sums import SUMS

CATALOGUE: tuple[Mistake, ...] = PUBLISHED + GATES + STEPS + STACKS + SUMS
