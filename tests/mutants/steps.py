"""T1 to T15: wrong on the way from step to step."""

from __future__ import annotations

from mutants.mutant import Mutant, edit, wrap

from npseq.bptt import loop
from npseq.layers import recurrent
from npseq.layers.recurrent import Recurrent

STEPS = (
    Mutant("T1", "dh from the next step overwritten by dy", "rnn",
           edit(loop.backward, "dh = dh + dy_t -> dh = dy_t")),
    Mutant("T2", "only the last step's dy counts", "rnn",
           edit(loop.backward, "dh + dy_t -> dh + dy_t * (t == strand.steps - 1)")),
    Mutant("T3", "dy of the step before", "rnn",
           edit(loop.backward, "dh + dy_t -> dh + dy[max(t - 1, 0)]")),
    Mutant("T4", "local derivatives of the step before", "lstm",
           edit(loop.backward, "a_t, s_t, -> a_t, derivatives[max(t - first - 1, 0)],")),
    Mutant("T5", "gates of the step before", "lstm",
           edit(loop.backward, "a_t, s_t, -> None if a is None else a[max(t - 1, 0)], s_t,")),
    Mutant("T6", "W_hh transposed on the way back", "rnn",
           edit(loop.backward, "product_by(w.W[:P, :n]) -> product_by(w.W[:P, :n].T)")),
    Mutant("T7", "the path around the product dropped", "gru after",
           edit(loop.backward, "dh += dh_passed -> pass")),
    Mutant("T8", "the way back cut at one step, silently", "rnn",
           edit(loop.backward, "times(columns_t) -> times(columns_t) * (t != 1)")),
    Mutant("T9", "adjoints clipped inside backward", "rnn",
           edit(loop.backward, "times(columns_t) -> times(columns_t); da[t] = da[t].clip(-0.5, 0.5)")),
    Mutant("T10", "the final state's upstream gradient ignored", "rnn",
           edit(Recurrent.adjoints, "lags) for part in dh] -> lags) * 0 for part in dh]")),
    Mutant("T11", "the final cell state's upstream gradient ignored", "lstm",
           edit(Recurrent.adjoints, "lags) for part in dc] -> lags) * 0 for part in dc]")),
    Mutant("T12", "the initial state's gradient dropped", "lstm",
           edit(Recurrent._gradients, "[a.dh for a in flat] -> [0 * a.dh for a in flat]")),
    Mutant("T13", "the mask forgotten where the state stands still", "gru ragged",
           edit(loop.backward, "dh, dc = _where(mask[t], (dh, dc) -> _, dc = _where(mask[t], (dh, dc)")),
    Mutant("T14", "the mask forgotten where the cell state stands still", "lstm ragged",
           edit(loop.backward, "dh, dc = _where(mask[t], (dh, dc) -> dh, _ = _where(mask[t], (dh, dc)")),
    Mutant("T15", "dy of padded steps counted", "lstm ragged",
           wrap(recurrent, "by_direction", lambda right: lambda dy, *rest: [dy.swapaxes(1, 2)])),
)
