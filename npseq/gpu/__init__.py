"""What a GPU adds to the engine, and changes nothing in its numbers: docs/gpu.md.

    tracing, program, operations    a cell's own lines, run once with symbols, as the assignments of a few kernels
    source, kernels                 the kernels' text, compiled by CuPy and launched
    cell                            a cell whose pointwise part these kernels are, for the one loop over time
    products                        products with cuBLAS that a CUDA graph may hold
    capture                         work on a device as a CUDA graph, in a memory pool of its own
    settings                        what of this is used, and TF32

None of it is imported before an array is on a device.
"""

from npseq.gpu.settings import Settings, settings

__all__ = ["Settings", "settings"]
