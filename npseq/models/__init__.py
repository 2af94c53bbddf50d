"""Models made of the layers."""

from npseq.models.language_model import LanguageModel

__all__ = ["LanguageModel"]
