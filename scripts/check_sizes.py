"""Report functions and modules that outgrow the size rules; exits 1 when there are any.

python scripts/check_sizes.py src scripts
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES, BODY_LINES, ARGUMENTS, NESTING = 400, 40, 7, 3

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def body_lines(function: Function, lines: list[str]) -> int:
    """Lines of code in the body: no docstring, blank lines or comments."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    inside = (line.strip() for line in lines[body[0].lineno - 1 : function.end_lineno])
    return sum(1 for line in inside if line and not line.startswith("#"))


def arguments(function: Function) -> int:
    """Named arguments without self and cls."""
    named = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return sum(1 for argument in named if argument.arg not in ("self", "cls"))


def estimator_parameters(tree: ast.AST) -> Iterator[Function]:
    """Constructors of scikit-learn estimators, whose arguments are settings as a dataclass has fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            isinstance(b, ast.Name) and b.id == "BaseEstimator" for b in node.bases
        ):
            yield from (f for f in node.body if isinstance(f, Function) and f.name == "__init__")


def nesting(node: ast.AST, depth: int = 0) -> int:
    """Deepest stack of blocks under `node`; an elif is no deeper than its if."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        opens = isinstance(child, BLOCKS) and not is_elif
        deepest = max(deepest, nesting(child, depth + opens))
    return deepest


def offences(path: Path) -> Iterator[str]:
    """One line for each rule that the file breaks."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > MODULE_LINES:
        yield f"{path}: {len(lines)} lines, at most {MODULE_LINES}"
    tree = ast.parse(text)
    free = set(map(id, estimator_parameters(tree)))
    for node in ast.walk(tree):
        if not isinstance(node, Function):
            continue
        found = {"body lines": (body_lines(node, lines), BODY_LINES), "nested blocks": (nesting(node), NESTING)}
        if "cli" not in path.parts and id(node) not in free:
            found["arguments"] = (arguments(node), ARGUMENTS)
        for what, (count, most) in found.items():
            if count > most:
                yield f"{path}:{node.lineno}: {node.name} has {count} {what}, at most {most}"


def main(roots: list[str]) -> int:
    """Print every offence under `roots`; 1 when there are any, 2 when there is nothing to check."""
    files = [file for root in roots for file in sorted(Path(root).rglob("*.py"))]
    if not files:
        print(f"no Python files under {', '.join(roots) or 'no folder given'}", file=sys.stderr)
        return 2
    found = [line for file in files for line in offences(file)]
    print("\n".join(found) if found else f"sizes: {len(files)} files within the rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
