"""Exercises: derive the backward pass of a recurrent network yourself, and have each line marked as you write it.

`exercise("lstm", 3)` is one of 24; print it, write its function, and `check` it. The command `npseq learn` does the
same in a terminal. Nothing is fetched, and no code is run but the function that you hand over.
"""

from npseq.learn.choice import exercise, exercises
from npseq.learn.exercise import Exercise, Marks
from npseq.learn.grading import grade
from npseq.learn.marker import Mark

__all__ = ["Exercise", "Mark", "Marks", "exercise", "exercises", "grade"]
