"""Printed mathematics read into trees: LaTeX as docs/derivations has it, and the plain text of docstrings.

Both are brought to one notation, in which a sum is `sum_{t >= s} a_t`, a product entry by entry `*`, a matrix product
two factors side by side, and d by d a `frac{@l}{@z}`. Juxtaposition binds closer than `*` and `/`; the body of a sum or
product ends at the next + or -; `log p` takes one factor. What no rule reads is a SyntaxError.
"""

import re
from functools import cache
from typing import Any, NamedTuple

BIG = {"sum", "prod", "max", "min"}
FUNCTIONS = {"log", "exp", "sqrt", "tanh", "max", "min"}
RELATIONS = {"=", "<-", "+=", "~", "<=", ">=", "<", ">"}
OPENING = {"(", "[", "|", "⟨", "@", "nabla", "frac"}
TOKENS = re.compile(r"\s*(<-|\+=|<=|>=|\.\.|\d+\.\d+|\d+(?:e-?\d+)?|[^\W\d_][^\W_]*~?'*|\S)")
LATEX = (
    (r"\\(?:Bigl|Bigr|bigl|bigr|left|right)(?=[^a-z])", ""),
    (r"\\(?:,|;|!|quad|qquad|textstyle|displaystyle)(?![a-z])", " "),
    (r"\\partial (\S+?(?:_\{[^{}]*\})?) / \\partial ([^\s)]+)", r"\\frac{\\partial \1}{\\partial \2}"),
    (r"\\frac (\w)(\w)", r"\\frac{\1}{\2}"),
    (r"\\(hat|bar|tilde) ?([A-Za-z])", r" \2\1"),
    (r"\\mathbb(?: 1|\{1\})", " onehot"),
    (r"\\mathrm\{(\w+)\}", r" \1 "),
    (r"\\nabla L(?![\w_])", " nablaL"),
    (r"\\sqrt\{([^{}]*)\}", r" sqrt(\1)"),
    (r"\^\\top", "^{TRANSPOSED}"),
    (r"\\odot|\\cdot", " * "),
    (r"\\partial ", " @"),
    (r"\\le(?![a-z])", " <= "),
    (r"\\ge(?![a-z])", " >= "),
    (r"\\langle", " ⟨"),
    (r"\\rangle", "⟩ "),
    (r"\\([a-zA-Z]+)", r" \1"),
)
PLAIN = (
    (r"\^T\b", "^{TRANSPOSED}"),
    (r"<([^\s<>=][^<>]*, [^<>]+)>", r"⟨\1⟩"),
    (r"(?<=\s)\|(?=\s)", ","),
    (r"\bd([A-Za-z]+(?:_\{[^}]*\}|_\w+)?) ?/ ?d([A-Za-z]+(?:_\{[^}]*\}|_\w+)?)", r"frac{@\1}{@\2}"),
    (r"\[\+ ([^\]]*)\]", r"+ \1"),
)


class Node(NamedTuple):
    kind: str
    parts: tuple[Any, ...]  # of Nodes, strings, numbers


class Equation(NamedTuple):
    text: str
    relations: tuple[str, ...]
    sides: tuple[Node, ...]


def latex(text: str) -> list[Equation]:
    """The equations of a row or an inline formula; `\\quad` after a comma parts two."""
    return [equation(_replaced(part, LATEX), part) for part in re.split(r", *\\q?quad(?![a-z])", text)]


@cache
def plain(text: str) -> Equation:
    return equation(_replaced(text, PLAIN), text)


def _replaced(text: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, with_ in rules:
        text = re.sub(pattern, with_, text)
    if "\\" in text:
        raise SyntaxError(f"LaTeX that no rule reads: {text}")
    return text


def equation(notation: str, text: str) -> Equation:
    reader = Reader(notation)
    sides, relations = [reader.sum()], []
    while reader.peek() in RELATIONS:
        relations.append(reader.take())
        sides.append(reader.sum())
    if reader.peek():
        raise SyntaxError(f"{text!r}: {reader.peek()!r} is not read")
    return Equation(text, tuple(relations), tuple(sides))


class Reader:
    """Recursive descent, a method a rule."""

    def __init__(self, notation: str) -> None:
        self.notation, self.at = notation, 0

    def peek(self) -> str:
        found = TOKENS.match(self.notation, self.at)
        return found.group(1) if found else ""

    def touches(self, token: str) -> bool:
        return self.notation.startswith(token, self.at)

    def take(self, expected: str | None = None) -> str:
        found = TOKENS.match(self.notation, self.at)
        if found is None or expected not in (None, found.group(1)):
            raise SyntaxError(f"{self.notation!r}: {expected!r} expected at {self.notation[self.at :]!r}")
        self.at = found.end()
        return found.group(1)

    def sum(self) -> Node:
        if self.peek() in ("+", "-"):
            first = Node("minus", (self.product(),)) if self.take() == "-" else self.product()
        else:
            first = self.product()
        while self.peek() in ("+", "-"):
            first = Node(self.take(), (first, self.product()))
        return first

    def product(self) -> Node:
        first = self.side_by_side()
        while self.peek() in ("*", "/"):
            first = Node(self.take(), (first, self._signed()))
        return first

    def _signed(self) -> Node:
        if self.peek() != "-":
            return self.side_by_side()
        self.take()
        return Node("minus", (self.side_by_side(),))

    def side_by_side(self) -> Node:
        first = self.factor()
        while self._opens():
            first = Node("beside", (first, self.factor()))
        return first

    def _opens(self) -> bool:
        token = self.peek()
        if token == "|":  # opens where it touches what follows: closing ones are taken by their opening one
            return re.match(r" +\|\S", self.notation[self.at :]) is not None
        return token in OPENING or token[:1].isalpha() or token[:1].isdigit()

    def factor(self) -> Node:
        token = self.peek()
        if token in BIG and re.match(r"\s*[a-z]+_(?:\{|[a-z](?!\w))", self.notation[self.at :]):
            self.take()
            self.take("_")
            return Node("big", (token, self._script(), self._upper(), self.product()))
        if token == "nabla":
            self.take()
            self.take("_")
            return Node("gradient", (self._script(), self.product()))
        if token in FUNCTIONS and not re.match(r"\s*[a-z]+_", self.notation[self.at :]):
            self.take()
            inner = self._arguments("(", ")") if self.peek() == "(" else (self.factor(),)
            return self._powers(Node("call", (token, *inner)))
        return self._powers(self._atom())

    def _upper(self) -> Node | None:
        if not self.touches("^"):
            return None
        self.take()
        return Reader(self._script()).whole()

    def whole(self) -> Node:
        node = self.sum()
        if self.peek():
            raise SyntaxError(f"{self.notation!r}: {self.peek()!r} is not read")
        return node

    def _powers(self, node: Node) -> Node:
        while self.touches("^"):
            self.take()
            raw = self._script()
            node = Node("transposed", (node,)) if raw == "TRANSPOSED" else Node("power", (node, Reader(raw).whole()))
        return node

    def _atom(self) -> Node:
        token = self.take()
        if token == "(":
            self.at -= 1
            parts = self._arguments("(", ")")
            return Node("group", parts) if len(parts) == 1 else Node("flat", parts)
        if token == "[":
            return self._brackets()
        if token == "|":
            node = Node("norm", (self.sum(),))
            self.take("|")
            return node
        if token == "⟨":
            left = self.sum()
            self.take(",")
            node = Node("inner", (left, self.sum()))
            self.take("⟩")
            return node
        if token == "frac":
            above, below = Reader(self._script()), Reader(self._script())
            if above.peek() == "@":
                return Node("partial", (above._derived(), below._derived()))
            return Node("/", (above.whole(), below.whole()))
        if token[0].isdigit():
            return Node("number", (float(token) if "." in token or "e" in token else int(token),))
        if token[0].isalpha():
            return self._name(token)
        raise SyntaxError(f"{self.notation!r}: {token!r} is not read")

    def _name(self, base: str) -> Node:
        above, below = "", ""
        while self.touches("_") or self.touches("^"):
            mark, raw = self.take(), self._script()
            if mark == "_":
                below = raw
            elif raw == "TRANSPOSED":
                return Node("transposed", (Node("name", (base, above, None, below, _indices(below))),))
            else:
                above = raw
        exponent = Reader(above).whole() if above and not above.startswith("(") else None
        name = Node("name", (base, above, exponent, below, _indices(below)))
        if self.touches("("):
            return Node("apply", (name, *self._arguments("(", ")")))
        if self.touches("["):
            return Node("apply", (name, *self._arguments("[", "]")))
        return name

    def _derived(self) -> Node:
        """What stands below or above in d by d: a name, and the indices of all its arguments."""
        self.take("@")
        base = self.take()
        scripts = self.notation[self.at :]
        subscripts = [braced or bare for braced, bare in re.findall(r"_\{([^{}]*)\}|_(\w)", scripts)]
        return Node("derived", (base, *(node for raw in subscripts for node in _indices(raw))))

    def _script(self) -> str:
        """The text in the braces that follow, or the one word."""
        if self.peek() not in ("{", "("):
            return self.take()
        opening = self.take()
        start, depth = self.at, 1
        while depth:
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(self.take(), 0)
        raw = self.notation[start : self.at - 1].strip()
        return raw if opening == "{" else f"[{raw}]"

    def _arguments(self, opening: str, closing: str) -> tuple[Node, ...]:
        self.take(opening)
        parts = [self._related()]
        while self.peek() in (",", ";", ".."):
            self.take()
            parts.append(self._related())
        self.take(closing)
        return tuple(parts)

    def _related(self) -> Node:
        left = self.sum()
        if self.peek() in ("<", ">", "<=", ">="):
            return Node("holds", (self.take(), left, self.sum()))
        return left

    def _brackets(self) -> Node:
        rows = [[self._related()]]
        while self.peek() in (",", ";"):
            if self.take() == ";":
                rows.append([])
                rows[-1].append(self._related())
            else:
                rows[-1].append(self._related())
        self.take("]")
        if len(rows) == 1 and len(rows[0]) == 1:
            return Node("group", (rows[0][0],))
        return Node("rows", tuple(Node("columns", tuple(row)) for row in rows))


def _indices(raw: str) -> tuple[Node, ...]:
    """The indices of a subscript, which commas part; of one that is only a part of the name, too."""
    parts = re.findall(r"(?:[^,(]|\([^)]*\))+", raw)
    word = re.compile(r" *[^\W\d_]+ *")
    plain_name = lambda part: Node("name", (part.strip(), "", None, "", ()))  # noqa: E731
    return tuple(plain_name(part) if word.fullmatch(part) else Reader(part).whole() for part in parts)
