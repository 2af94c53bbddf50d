"""Gradients forward in time: exact (RTRL), unbiased (UORO) and approximate (SnAp, RFLO)."""

from npseq.online.rtrl import Online, rtrl, uoro
from npseq.online.snap import rflo, snap

__all__ = ["Online", "rflo", "rtrl", "snap", "uoro"]
