"""ONNX's RNN, GRU and LSTM operators become layers, and layers and models become ONNX files.

    ONNX            shape                npseq (written (in, out), so each is a transpose)
    W               (R, G*H, D)          W_x<gate>, a gate a block of rows: LSTM i, o, f, g; GRU z, r, n
    R               (R, G*H, H)          W_h<gate>
    B               (R, 2*G*H)           b_<gate>, the sum of ONNX's Wb and Rb; a GRU's b_n and b_hn stay apart
    P               (R, 3*H)             p_i, p_o, p_f
    Y               (T, R, B, H)         y (T, B, R*H)
    Y_h, Y_c        (R, B, H)            the last state, h or (h, c)
    linear_before_reset = 1              GRU(reset="after"); 0, ONNX's default, is reset="before"

ONNX writes c for g and h for n. `load` needs NumPy alone; `read`, `export` and `function` need the extra "onnx".
"""

from npseq.interop.onnx.exporting import export
from npseq.interop.onnx.loading import load, outputs
from npseq.interop.onnx.reading import Node, read
from npseq.interop.onnx.running import function

__all__ = ["Node", "export", "function", "load", "outputs", "read"]
