"""T1 to T19: wrong on the way from step to step."""

from npseq.diagnosis.equations import Equations
from npseq.diagnosis.mistake import Mistake, Rewrites, SumChange

ALL_THAT_ARRIVES = "dh_t = dy_t + what step t + 1 passes back"


def local_derivatives_before(equations: Equations) -> Rewrites:
    """Every gate and state of the step before, but where an adjoint is carried around the products."""
    graph = equations.graph
    found = {}
    for name, node in graph.names.items():
        if name.startswith("da_") or name == "dc_all":
            other = node
            for leaf in graph.reached([node], into_named=False):
                if graph.nodes[leaf].op == "leaf" and graph.nodes[leaf].args[0] in equations.taped:
                    other = graph.replaced(other, leaf, graph.leaf(graph.nodes[leaf].args[0], "before"))
            found[node] = other
    return found


def without_its_own_path(equations: Equations) -> Rewrites:
    """dh of the products alone."""
    graph, node = equations.graph, equations.graph.names["dh"]
    terms = graph.nodes[node].args if graph.nodes[node].op == "sum" else ()
    products = [term for term in terms if graph.nodes[term[1]].op == "times"]
    return {node: graph.sum(*products)} if len(products) < len(terms) else {}


def without_products(equations: Equations) -> Rewrites:
    """dh of its own path alone."""
    graph, node = equations.graph, equations.graph.names["dh"]
    terms = graph.nodes[node].args if graph.nodes[node].op == "sum" else ()
    return {node: graph.sum(*(term for term in terms if graph.nodes[term[1]].op != "times"))}


def products_transposed(equations: Equations) -> Rewrites:
    graph, node = equations.graph, equations.graph.names["dh"]
    other = node
    for part in graph.reached([node], into_named=False):
        op, args = graph.nodes[part]
        if op == "times":
            turned = graph.add("times", f"{args[0]}_T", *args[1:])
            other = turned if part == other else graph.replaced(other, part, turned)
    return {node: other}


STEPS = (
    Mistake("T1", "dh from the next step overwritten by dy", ALL_THAT_ARRIVES, "T2",
            step=("dh_total = dy",)),
    Mistake("T2", "only the last step's dy counts", ALL_THAT_ARRIVES, "T2",
            step=("dh_total = when('t == k', -1, dy) + p",)),
    Mistake("T3", "dy of the step before", ALL_THAT_ARRIVES, "T2",
            step=("dh_total = dy.before + p",)),
    Mistake("T4", "local derivatives of the step before", "step t's adjoints meet step t's gates and states", "T3",
            rewrites=local_derivatives_before),
    Mistake("T5", "the forget gate of the step before carries dc", "dc_{t-1} = dc_all f_t", "L19",
            step=("dc = dc_all * f.before [+ da_i * p_i + da_f * p_f]",)),
    Mistake("T6", "W_hh not transposed on the way back", "what step t passes back is da_t W_hh^T", "T4",
            rewrites=products_transposed),
    Mistake("T7", "the path around the product dropped: dh z", "dh = dh' z + the products' terms", "G17, G21",
            rewrites=without_its_own_path),
    Mistake("T8", "the way back cut at one step, silently", "what step t passes back reaches step t - 1", "T2",
            step=("dh = when('t != k', 1, dh)",)),
    Mistake("T9", "adjoints clipped to 0.5 inside backward", "da is not clipped; clip the finished gradient", "T3",
            step=("kept_* = clip(0.5, kept_*)",)),
    Mistake("T10", "the final state's upstream gradient ignored", "at the last step dh = dy + dh_last", "T2",
            step=("p = when('t != k', -1, p)",)),
    Mistake("T11", "the final cell state's upstream gradient ignored", "at the last step dc' = dc_last", "L15",
            step=("dc_next = when('t != k', -1, dc_next)",)),
    Mistake("T12", "the initial state's gradient dropped", "dh_0 is what step 1 passes back", "T9",
            sums={"h0": SumChange(after=lambda value, of: 0 * value)}),
    Mistake("T13", "the mask forgotten where the state stands still",
            "past its length a sequence's dh passes through unchanged", "T19",
            step=("dh_out = dh",)),
    Mistake("T14", "the mask forgotten where the cell state stands still",
            "past its length a sequence's dc passes through unchanged", "T19",
            step=("dc_out = dc",)),
    Mistake("T15", "dy of padded steps counted", "y is zero past a sequence's length, so dy there has no effect", "T17",
            site=("masked dy", lambda masked, given: given)),
)  # fmt: skip
