"""Gradients are computed forward in time: exactly (RTRL), without bias (UORO, KF-RTRL, OK) or approximately."""

from npseq.online.diagonal import diagonal_rtrl
from npseq.online.eprop import eprop
from npseq.online.influence import Online
from npseq.online.kf_rtrl import kf_rtrl
from npseq.online.ok import ok
from npseq.online.rflo import rflo
from npseq.online.rtrl import rtrl
from npseq.online.snap import snap
from npseq.online.uoro import uoro

__all__ = ["Online", "diagonal_rtrl", "eprop", "kf_rtrl", "ok", "rflo", "rtrl", "snap", "uoro"]
