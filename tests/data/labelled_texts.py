"""A few labelled texts, and the check that loaded data are those."""

TEXTS = [("Good film", "+"), ("bad, bad film", "-"), ("good", "+"), ("so bad", "-")]


def texts_of(data):
    return [" ".join(data.vocab.to_tokens(data.ids[:end, k])) for k, end in enumerate(data.lengths)]


def check(data):
    assert texts_of(data) == [text.lower() for text, _ in TEXTS]
    assert [data.labels[k] for k in data.targets] == [label for _, label in TEXTS]
