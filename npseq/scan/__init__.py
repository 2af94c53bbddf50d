"""Time in parallel: a whole sequence in a number of rounds that grows as log T, where the loop takes T steps.

    associative.py   all prefixes of steps that can be put together, by an associative scan
    steps.py         the T steps of B sequences as one step of T*B sequences
    jacobians.py     how each step's state follows from the last, for all steps at once
    adjoints.py      backward: the adjoints' recurrence is affine, whatever the cell, so that one scan is exact
    newton.py        forward: the states by Newton's method, a scan an iteration; one iteration where the cell is linear
    damped.py        the same with a trust region

docs/derivations/scan.md derives it. It is a reference, not a fast way: its results are those of the loop.
"""

from npseq.scan.adjoints import backward
from npseq.scan.associative import affine
from npseq.scan.newton import Newton, NoConvergence, forward

__all__ = ["Newton", "NoConvergence", "affine", "backward", "forward"]
