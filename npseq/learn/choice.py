"""The exercises by topic and number."""

from npseq.arguments import integer, one_of
from npseq.learn.content import Task
from npseq.learn.exercise import Exercise
from npseq.learn.letters import LETTERS
from npseq.learn.topics import gru, lstm, rnn, softmax, truncation

TASKS: tuple[Task, ...] = (*softmax.TASKS, *rnn.TASKS, *gru.TASKS, *lstm.TASKS, *truncation.TASKS)
TOPICS = tuple(dict.fromkeys(task.topic for task in TASKS))


def exercise(topic: str, number: int, *, letters: str = "d2l") -> Exercise:
    """Returns an exercise, which prints itself.

    Args:
        topic: "softmax", "rnn", "gru", "lstm" or "truncation".
        number: softmax has 1, rnn 5, gru 7, lstm 8, truncation 3.
        letters: "d2l", those of Dive into Deep Learning, a batch in rows; "ng", those of Ng's course, one in columns.

    Raises:
        TypeError, ValueError: if there is no such exercise, or not in these letters.

    Example:
        >>> print(ns.learn.exercise("rnn", 1).template)
        def rnn_1(H, dH):
            dA = ...
            return dA
        <BLANKLINE>
    """
    numbered = {task.number: task for task in TASKS if task.topic == one_of("topic", topic, TOPICS)}
    task = numbered[integer("number", number, 1, len(numbered) + 1)]
    one_of("letters", letters, LETTERS)
    if letters not in letters_of(task):
        raise ValueError(f"letters must be 'd2l' for {topic} {number}, got {letters!r}: Ng's have no such loop")
    return Exercise(task, letters)


def exercises() -> tuple[Exercise, ...]:
    """Returns all exercises in d2l's letters, in the order in which to do them.

    Example:
        >>> len(ns.learn.exercises())
        24
    """
    return tuple(Exercise(task, "d2l") for task in TASKS)


def letters_of(task: Task) -> tuple[str, ...]:
    """The letters in which there is an exercise."""
    return LETTERS if task.whole is None else tuple(letters for letters, _ in task.solution)
