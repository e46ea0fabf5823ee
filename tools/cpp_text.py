# SPDX-License-Identifier: Apache-2.0
"""A small scanner of C++ text for the checks: blanks out what is not code, and finds functions
with their length and nesting. It knows just enough of the language for the project's own style."""

import dataclasses
import re

NOT_CODE = re.compile(
    r'R"(?P<delimiter>[^()\\\s]{0,16})\((?:.|\n)*?\)(?P=delimiter)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'  # string
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"  # character, but not the digit separator of 1'000
    r"|//[^\n]*"
    r"|/\*(?:.|\n)*?\*/"
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
CONTROL = re.compile(r"(?:else\s+)?(?:if|for|while|switch|catch)\b|else\b|do\b|try\b")
LAMBDA_TAIL = re.compile(
    r"\[[^\[\]{}]*\]\s*(?:<[^{}]*>\s*)?(?:\((?:[^{}])*\)\s*)?"
    r"(?:(?:mutable|noexcept|constexpr)\b\s*|->\s*[\w:<>,*&\s]+)*$"
)
INITIALIZER_LIST = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def blank_literals(match):
    """Strings keep their quotes so that `= "x" {` cannot look like something else."""
    if match[0].startswith(("//", "/*")):
        return blank(match)
    return '"' + re.sub(r"[^\n]", " ", match[0][1:-1]) + '"'


def code_only(text):
    """The text with comments, literals and directives blanked; every line stays in its place."""
    return DIRECTIVE.sub(blank, NOT_CODE.sub(blank_literals, text))


@dataclasses.dataclass
class Function:
    """A function (or lambda) with a body."""

    name: str
    line: int  # of the opening brace
    lines: int = 0  # from the opening to the closing brace, both included
    nesting: int = 0  # deepest level of control blocks in it
    is_lambda: bool = False


@dataclasses.dataclass
class Scope:
    """What an open brace belongs to: namespace, type, function, lambda, block or initializer."""

    kind: str
    parentheses: int  # open where the brace stands
    function: Function | None = None  # the innermost function around, itself included
    depth: int = 0  # control blocks open in that function


def classify(header, scope, parentheses):
    """The kind of the brace that follows `header`, the text since the last statement's end."""
    header = header.strip()
    inside_function = scope.function is not None
    if LAMBDA_TAIL.search(header) and (parentheses > scope.parentheses or not CONTROL.match(header)):
        if inside_function or "=" in header:
            return "lambda"
    if parentheses > scope.parentheses:
        return "initializer"
    if inside_function:
        if header == "" or header.endswith(":") or CONTROL.match(header):
            return "block"
        if re.search(r"\b(?:struct|class|union|enum)\b", header) and not header.endswith(")"):
            return "type"
        return "initializer"
    if re.match(r"(?:inline\s+)?namespace\b|extern\b", header) and "(" not in header:
        return "namespace"
    return classify_declaration(header)


def classify_declaration(header):
    """As classify, for a brace directly in a namespace or a type."""
    if INITIALIZER_LIST.search(header):
        return "initializer" if re.search(r"[\w>]$", header) else "function"
    if re.search(r"(?<![=<>!])=(?!=)\s*[^()]*$", header) and "operator" not in header:
        return "initializer"
    if "(" in header and re.search(r"[)\w>&*]$", header):
        if not re.match(r"(?:template\s*<.*>\s*)?(?:struct|class|union|enum)\b[^()]*$", header):
            return "function"
    if re.search(r"\b(?:struct|class|union|enum|concept)\b", header):
        return "type"
    return "initializer"


def function_name(header):
    """The name in a function's header, for messages."""
    before = header.split("(", 1)
    if re.search(r"\b(?:TEST|TEST_P|TEST_F|TYPED_TEST|RC_GTEST_PROP)\s*$", before[0]):
        return " ".join(header.split())
    names = re.findall(r"[\w:~]+", before[0]) or ["lambda"]
    return names[-1]


def open_scope(code, start, end, scope, parentheses, line):
    """The scope that the brace at `end` opens; `start` is where its header begins."""
    header = code[start:end]
    kind = classify(header, scope, parentheses)
    if kind in ("function", "lambda"):
        name = "lambda" if kind == "lambda" else function_name(header)
        return Scope(kind, parentheses, Function(name, line, is_lambda=kind == "lambda"))
    if kind == "block":
        return Scope(kind, parentheses, scope.function, scope.depth + 1)
    inherited = scope.function if kind == "initializer" else None
    return Scope(kind, parentheses, inherited, scope.depth)


def functions(text):
    """Every function of a C++ file, lambdas included, in the order of their closing braces."""
    code = code_only(text)
    found = []
    stack = [Scope("namespace", 0)]
    start = 0
    line = 1
    parentheses = 0
    for position, character in enumerate(code):
        if character == "\n":
            line += 1
        elif character == "(":
            parentheses += 1
        elif character == ")":
            parentheses -= 1
        elif character == ";" and parentheses == stack[-1].parentheses:
            start = position + 1
        elif character == "{":
            scope = open_scope(code, start, position, stack[-1], parentheses, line)
            if scope.kind == "block":
                scope.function.nesting = max(scope.function.nesting, scope.depth)
            stack.append(scope)
            if scope.kind != "initializer":
                start = position + 1
        elif character == "}" and len(stack) > 1:
            scope = stack.pop()
            if scope.kind in ("function", "lambda"):
                scope.function.lines = line - scope.function.line + 1
                found.append(scope.function)
            if scope.kind != "initializer":
                start = position + 1
    return found
