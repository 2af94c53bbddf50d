"""Somebody's gradients are compared with those of every known mistake: the bug zoo, and edits of the right backward."""

from npseq.diagnosis.answer import Diagnosis
from npseq.diagnosis.diagnose import diagnose
from npseq.diagnosis.mistake import Match, Mistake

__all__ = ["Diagnosis", "Match", "Mistake", "diagnose"]
