"""A worked example of a recurrent layer: every number of a forward and a backward pass, with the label of its equation.

The lines are traced from the cell's own, and every printed number is computed from printed ones, in exact decimal
arithmetic that is rounded once a line: whoever has a pocket calculator finds the same digits.
"""

from npseq.explain.sheet import Row, Sheet, worked

__all__ = ["Row", "Sheet", "worked"]
