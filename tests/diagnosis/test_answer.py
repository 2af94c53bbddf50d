"""An answer prints what is wrong, what is right, where that is derived, and where it was published."""

from diagnosis.cases import CASES


def test_a_named_mistake_is_printed_with_what_is_right():
    right = CASES["lstm, ragged"]()
    assert str(right.diagnosed(b_i=right.grads["b_o"], b_f=right.grads["b_i"])).splitlines() == [
        "This looks like: b_i: made of da_o in place of da_i; b_f: made of da_i in place of da_f.",
        "  right: db_i = sum of da_i; db_f = sum of da_f",
        "  equation (L24) in docs/derivations/lstm.md",
    ]
    shown = str(right.diagnosed(W_hi=0 * right.grads["W_hi"], h0=0 * right.grads["h0"]))
    assert "published" not in shown


def test_a_published_mistake_is_printed_with_its_place():
    right = CASES["gru after"]()
    assert str(right.diagnosed(b_hn=0 * right.grads["b_hn"])).splitlines() == [
        "This looks like: F5: the recurrent bias has no gradient.",
        "  right: db_hn = sum of dv",
        "  equation (G23) in docs/derivations/gru.md",
        "  published: thinc; mxnet #17818",
    ]


def test_other_explanations_of_the_same_numbers_are_printed():
    right = CASES["rnn"]()
    found = right.diagnosed(h0=0 * right.grads["h0"])
    assert found.bug == "T12"
    assert len(found.matches) == str(found).count("\n  ") - 1 if "the same numbers:" in str(found) else True


def test_what_nothing_explains_is_said_with_what_was_compared():
    right = CASES["rnn"]()
    found = right.diagnosed(W_hh=right.grads["W_hh"] ** 3)
    lines = str(found).splitlines()
    assert lines[0] == "No known mistake has these numbers; wrong: W_hh; right: W_xh, b_h, x, h0."
    assert lines[1] == f"{found.hypotheses} mistakes and likely pairs of them were compared"
    assert lines[2] == "dx is right at every step: look at the sums over time (weight gradients) of W_hh"
    assert found.bug is None
    assert repr(found) == str(found)
