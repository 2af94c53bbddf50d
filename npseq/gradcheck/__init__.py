"""The gradient checker compares any gradient with any scalar function of named arrays, without layers or time."""

from npseq.gradcheck.analytic import NotAnalyticError
from npseq.gradcheck.check import gradcheck
from npseq.gradcheck.report import Report, Worst
from npseq.gradcheck.rows import KinkAt, TensorReport
from npseq.gradcheck.vjp import check_vjp

__all__ = ["KinkAt", "NotAnalyticError", "Report", "TensorReport", "Worst", "check_vjp", "gradcheck"]
