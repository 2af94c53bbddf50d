"""L1 to L11: wrong between layers, directions and dropout."""

from __future__ import annotations

from mutants.mutant import Mutant, edit

from npseq.layers import adjoints
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed

STACKS = (
    Mutant("L1", "dy not turned for the reverse direction", "rnn bidirectional",
           edit(adjoints.row_adjoints, "in_order(dfeatures[d], d) -> dfeatures[d]")),
    Mutant("L2", "dx of the reverse direction not turned back", "rnn bidirectional",
           edit(Recurrent.input_adjoints, "adjoints), d) -> adjoints), 0)")),
    Mutant("L3", "dx of the reverse direction not added", "rnn bidirectional",
           edit(Recurrent.input_adjoints, "dx[0] + dx[1] -> dx[0]")),
    Mutant("L4", "dx through the forward direction's weights in both", "rnn bidirectional",
           edit(Recurrent.input_adjoints, "self.weights(layer, d) -> self.weights(layer, 0)")),
    Mutant("L5", "weight gradients under the other direction's name", "rnn bidirectional",
           edit(Recurrent._gradients, "(l, d, grads) -> (l, 1 - d, grads)")),
    Mutant("L6", "directions swapped on the way to the layer below", "rnn three layers, bidirectional",
           edit(Recurrent.input_adjoints, "in range(self.directions)] -> in reversed(range(self.directions))]")),
    Mutant("L7", "the reverse layer's dy turned at T, not at each length", "two kinds",
           edit(Reversed.backward, "reordered(dy, tape.order) -> dy[::-1]")),
    Mutant("L8", "nothing handed to the layer below", "rnn two layers",
           edit(Recurrent.input_adjoints, "return below -> return [0 * p for p in below]")),
    Mutant("L9", "a new dropout mask in backward", "rnn dropout",
           edit(Recurrent.input_adjoints, "zip(below, masks, -> zip(below, map(self.dropout.draw, below),")),
    Mutant("L10", "dropout's mask without its scale in backward", "rnn dropout",
           edit(Recurrent.input_adjoints, "p, m) for -> p, m != 0) for")),
    Mutant("L11", "dropout's mask left out of backward", "rnn dropout",
           edit(Recurrent.input_adjoints, "if masks is not None -> if False")),
)
