"""Write docs/reference/command-line.md from the option table of the command line.

With --check nothing is written, and the exit status is 1 where the page is stale.
"""

import sys
from pathlib import Path
from typing import Any

from made import write_or_check

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "command-line.md"
HEAD = """# The command line

    latentarium VERB [ARGUMENTS] [OPTIONS]

Every verb takes `--json` (one JSON object on stdout; progress and remarks go to stderr) and `--help`. The exit status
is 0 on success, 2 on wrong use and 1 on failure; what went wrong is one line on stderr, and with `--json` also
`{"error": {"message": .., "status": ..}}` on stdout. `latentarium --version` prints the version.

`demo` and `measure` print `{"bundle": PATH, "scores": {NAME: {"value": .., "interval": [low, high], "n": ..,
"direction": ..}}, "seconds": {..}}`; the names are those of [the measures](measures.md).

This page is made by `python scripts/make_cli_docs.py`.
"""


def render() -> str:
    """The page as Markdown."""
    import typer

    from latentarium.cli.app import app

    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return HEAD + "".join(_verb(name, command) for name, command in verbs.items())


def _verb(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join(_usage(argument) for argument in arguments)
    words = " ".join(word for word in ("latentarium", name, usage, "[OPTIONS]") if word)
    lines = [f"\n## {name}\n", f"    {words}\n", f"{command.help}\n"]
    if arguments:
        lines += ["| argument | |", "| --- | --- |", *(f"| `{_metavar(a)}` | {a.help or ''} |" for a in arguments), ""]
    lines += ["| option | default | |", "| --- | --- | --- |", *map(_option, options)]
    return "\n".join(lines) + "\n"


def _metavar(argument: Any) -> str:
    return argument.metavar or argument.name.upper()


def _usage(argument: Any) -> str:
    return _metavar(argument) if argument.required else f"[{_metavar(argument)}]"


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    shown = option.show_default if isinstance(option.show_default, str) else option.default
    default = "" if shown is None or isinstance(shown, bool) else f"`{shown}`"
    return f"| {names} | {default} | {option.help or ''} |"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render()))
