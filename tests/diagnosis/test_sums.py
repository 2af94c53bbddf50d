"""Wrong sums beside each other, and beside a mistake in a step."""

from diagnosis.cases import CASES

from npseq.diagnosis.mistake import Mistake
from npseq.diagnosis.passes import gradients_of
from npseq.diagnosis.sums import listed, sum_text


def test_one_factor_of_all_is_one_mistake():
    right = CASES["lstm, ragged"]()
    found = right.diagnosed(**{name: 1.37 * value for name, value in right.grads.items()})
    assert found.text.startswith("This looks like: *: 1.37 times what it should be, as a clip by the norm")


def test_one_tensor_with_an_odd_factor_is_not_named():
    right = CASES["lstm, ragged"]()
    assert right.diagnosed(W_hf=1.37 * right.grads["W_hf"]).matches == ()


def test_different_mistakes_of_different_tensors():
    right = CASES["rnn"]()
    found = right.diagnosed(W_hh=right.grads["W_hh"].T, W_xh=-right.grads["W_xh"])
    assert (
        found.text == "This looks like: 2 mistakes at once: S4: dW_h transposed; and W_xh: -1 times what it should be."
    )


def test_beside_a_mistake_in_a_step():
    right = CASES["rnn"]()
    found = gradients_of(right.problem, [(Mistake("", "", step=("da_h = dh_new",)),)])
    wrong = {name: value[0] for name, value in found.items()}
    assert right.diagnosed(**wrong | {"W_hh": wrong["W_hh"].T}).bug == "G3 + S4"


def test_names_in_few_words():
    problem = CASES["lstm, ragged"]().problem
    assert listed([name for name in problem.names if name[:2] == "W_"], problem) == "W_*"
    assert listed(["W_hf", "b_f"], problem) == "W_hf, b_f"
    assert sum_text("W_hf", "h", "kept_f") == "dW_hf = sum of h_{t-1}^T da_f"
