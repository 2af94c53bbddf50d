"""npseq on the stand-in for CuPy: GPU breakage that shows on a CPU. The bodies also run on a real device, tests/gpu."""

from standin.parity_layers import *  # noqa: F403
