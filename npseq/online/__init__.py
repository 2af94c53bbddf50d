"""Gradients are computed forward in time: exactly (RTRL), without bias (UORO) or approximately (SnAp, RFLO)."""

from npseq.online.influence import Online
from npseq.online.rflo import rflo
from npseq.online.rtrl import rtrl
from npseq.online.snap import snap
from npseq.online.uoro import uoro

__all__ = ["Online", "rflo", "rtrl", "snap", "uoro"]
