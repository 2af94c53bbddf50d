"""Anybody's code, a function of arrays or trees, a module, a layer, as a function of named arrays and its gradient."""

from npseq.gradcheck.callables.problem import Problem, problem_of

__all__ = ["Problem", "problem_of"]
