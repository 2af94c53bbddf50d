"""`npseq learn` shows exercises, marks what somebody wrote, and grades a class."""

import sys
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import Failure, bad_input

ABOUT = """Exercises in which you derive the backward pass of a recurrent network yourself. Without arguments it lists
them. `npseq learn rnn 1` shows one and writes rnn_1.py, a function with a gap for each line; write the lines and give
the same command again: it says of each line whether it is right, or why not. `npseq learn grade FILE` marks all
exercises in somebody's notebook or module, points by line. The status is 0 if all lines are right, and 1 if not."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "learn", help="derive the backward pass yourself, line by line", description=ABOUT, allow_abbrev=False
    )
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="softmax, rnn, gru, lstm, truncation, or grade")
    parser.add_argument("number", nargs="?", metavar="NUMBER", help="which exercise of its topic; the FILE of grade")
    parser.add_argument("--letters", metavar="NAME", help="names of d2l (d2l.ai) or of ng (default: the file's)")
    parser.add_argument("--hint", metavar="N", help="print a hint: 1, 2 or 3")
    parser.add_argument("--solution", action="store_true", default=False, help="print one way to write it")
    parser.set_defaults(command=learn)


def learn(
    topic: str | None, number: str | None, letters: str | None, hint: str | None, solution: bool, json: bool
) -> None:
    """Lists, shows, marks or grades."""
    import npseq as ns

    if topic is None or (number is None and topic != "grade"):
        with bad_input():
            listed = _listed(topic)
        rows = [f"{t:<11}{n}  {title} ({lines} line{'s' if lines > 1 else ''})" for t, n, title, lines in listed]
        answer("\n".join(rows), {"exercises": [{"topic": t, "number": n, "title": x} for t, n, x, _ in listed]}, json)
        return
    if number is None:
        raise Failure("FILE must be given, as in npseq learn grade FILE.ipynb", 2)
    if topic == "grade":
        grade(number, json)
        return
    with bad_input():
        exercise = ns.learn.exercise(topic, _integer("NUMBER", number), letters=letters or "d2l")
        path = Path(f"{exercise.name}.py")
        if letters is None and path.is_file():
            exercise = _in_its_letters(exercise, path)
        if hint is not None:
            text = exercise.hint(_integer("--hint", hint))
            answer(_wrapped(text, ""), {"hint": text}, json)
            return
    if solution:
        if not path.is_file():
            raise Failure(f"{path} must be there: try first, `npseq learn {topic} {number}` begins it", 2)
        answer(exercise.solution(), {"solution": exercise.solution()}, json)
    elif path.is_file():
        _mark(exercise, path, json)
    else:
        _begin(exercise, path, json)


def _in_its_letters(exercise: Any, path: Path) -> Any:
    """The exercise in the letters of what somebody has written."""
    from npseq.learn.grading import exercise_of, written

    functions = written(path)
    return exercise_of(exercise.name, functions[exercise.name]) if exercise.name in functions else exercise


def _listed(topic: str | None) -> list[tuple[str, int, str, int]]:
    """The exercises of a topic, or all. Raises ValueError if there is no such topic."""
    import npseq as ns

    if topic is not None:
        ns.learn.exercise(topic, 1)
    its = [exercise for exercise in ns.learn.exercises() if topic in (None, exercise.topic)]
    return [(e.topic, e.number, e.task.title, len(e.lines)) for e in its]


def _begin(exercise: Any, path: Path, json: bool) -> None:
    """Shows an exercise, and writes its function with the gaps."""
    from npseq.files import replace_file

    template = f"import numpy as np\n\n\n{exercise.template}"
    with bad_input():
        replace_file(path, template.encode(), _is_empty)
    said = f"{exercise}\n\nIt stands in {path}; write its lines, and give this command again. --hint 1 helps."
    answer(said, {"exercise": exercise.name, "file": str(path), "text": str(exercise)}, json)


def _mark(exercise: Any, path: Path, json: bool) -> None:
    """Marks the file of one exercise."""
    from npseq.learn import grade as marks_of

    with bad_input():
        marks = marks_of(path).get(exercise.name)
    if marks is None:
        raise Failure(f"{path} must hold a function {exercise.name}; delete the file to begin again", 2)
    shown = "\n".join(map(_wrapped, str(marks).split("\n")))
    if marks:
        labels = f"In brackets: labels of docs/derivations. {_next(exercise)}"
        shown = f"{shown}\n\nOne way to write it:\n\n{exercise.solution()}\n{labels}"
    answer(shown, _content({exercise.name: marks}), json)
    if not marks:
        raise Failure(f"{_many(len(marks.lines) - marks.points)} not right yet; --hint 1 helps", 1)


def _next(exercise: Any) -> str:
    import npseq as ns

    names = [(e.topic, e.number) for e in ns.learn.exercises()]
    after = names[names.index((exercise.topic, exercise.number)) + 1 :]
    letters = "" if exercise.letters == "d2l" else f" --letters {exercise.letters}"
    return f"Next: npseq learn {after[0][0]} {after[0][1]}{letters}" if after else "It was the last exercise."


def _many(lines: int) -> str:
    return "1 line is" if lines == 1 else f"{lines} lines are"


def _wrapped(line: str, indent: str = "      ") -> str:
    width = get_terminal_size((100, 0)).columns
    return fill(line, width, subsequent_indent=indent, break_on_hyphens=False)


def grade(file: str, json: bool) -> None:
    """Says what it will run, then marks all exercises in a file."""
    from npseq.learn.grading import grade as marks_of
    from npseq.learn.grading import written

    with bad_input():
        names = ", ".join(written(file)) or "no exercise"
        said = f"npseq: grading runs the functions of {file} ({names}) with your rights; read a stranger's file first"
        print(said, file=sys.stderr, flush=True)
        found = marks_of(file)
    points, lines = sum(m.points for m in found.values()), sum(len(m.lines) for m in found.values())
    text = "\n".join([*map(str, found.values()), f"{points} of {lines} points"])
    answer(text, {"file": file, "points": points, "of": lines, **_content(found)}, json)
    if points < lines:
        raise Failure(f"{_many(lines - points)} not right", 1)


def _content(found: dict[str, Any]) -> dict[str, Any]:
    def row(mark: Any) -> dict[str, Any]:
        return {"line": mark.name, "points": int(mark.right), "kind": mark.kind, "reason": mark.reason}

    return {"exercises": {name: [row(mark) for mark in marks.lines] for name, marks in found.items()}}


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} must be an integer, got {text!r}") from None


def _is_empty(path: Path) -> bool:
    """A file with anything in it is its writer's own, and never replaced."""
    return not path.stat().st_size
