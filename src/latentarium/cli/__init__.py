"""The command line; every verb is one short function over the layers below."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from latentarium.errors import LatentariumError

# Two programs on the same cores bring each other to a halt while idle OpenMP threads spin; a short spin avoids it.
SPIN = "10000"
# what the option parser makes of Ctrl-C
INTERRUPTED = 130
# what it says about a value -> the rule in our words
_RULES = {"integer": "a whole number", "number": "a number", "float": "a number", "boolean": "true or false"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 on success, 2 on wrong use, 1 on failure; errors are one line on stderr."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN)
    signal.signal(signal.SIGTERM, _terminated)
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def _terminated(number: int, frame: Any) -> None:
    """A request to end is Ctrl-C by another name: what is half-written goes away, a fit saves where it is."""
    del number, frame
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    try:
        status = _attempt(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader, such as `head`, has seen enough; what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _attempt(arguments: Sequence[str]) -> int:
    try:
        import typer

        from latentarium.cli.app import app
        from latentarium.cli.output import COMMAND

        COMMAND.set(list(arguments))
        command = typer.main.get_command(app)
        result = command.main(args=list(arguments), prog_name="latentarium", standalone_mode=False)
        if result == INTERRUPTED:
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except LatentariumError as error:
        return _fail(_as_options(str(error), arguments), error.exit_code, arguments)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was changed", 1, arguments)
    except BrokenPipeError:
        raise
    except MemoryError:
        return _fail("memory is too small for this; give fewer rows or a smaller --size or --batch-size", 1, arguments)
    except OSError as error:
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}", 1, arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _fail(_usage(error, arguments), 2, arguments)


def _usage(error: Any, arguments: Sequence[str]) -> str:
    """A usage error of the option parser in one line: parameter, rule, value, way out."""
    context = getattr(error, "ctx", None)
    verb = context.command_path if context is not None else "latentarium"
    if type(error).__name__ == "NoArgsIsHelpError":
        return "a verb is missing; try 'latentarium demo'"
    words = " ".join(error.format_message().split())
    param = getattr(error, "param", None)
    rule = next((rule for sign, rule in _RULES.items() if sign in words), None)
    if param is not None and rule is not None:
        name, value = _given(param, arguments)
        words = f"{name} must be {rule}{value}"
    return f"{words[:1].lower()}{words[1:].rstrip('.')}; see '{verb} --help'"


def _as_options(words: str, arguments: Sequence[str]) -> str:
    """The name of a setting that a message begins with as it is written on the command line."""
    import typer

    from latentarium.cli.app import app

    verb = typer.main.get_command(app).commands.get(arguments[0]) if arguments else None  # type: ignore[attr-defined]
    name, is_rule, rest = words.partition(" must ")
    options = {} if verb is None else {param.name: param.opts[0] for param in verb.params}
    option = options.get(name, "")
    return f"{option}{is_rule}{rest}" if option.startswith("--") else words


def _given(param: Any, arguments: Sequence[str]) -> tuple[str, str]:
    """How the user wrote an option, and its value where it can be told."""
    for name in param.opts:
        for at, argument in enumerate(arguments):
            if argument == name and at + 1 < len(arguments):
                return name, f", got {arguments[at + 1]!r}"
            if argument.startswith(f"{name}="):
                return name, f", got {argument.partition('=')[2]!r}"
    return param.opts[0], ""


def _fail(words: str, status: int, arguments: Sequence[str]) -> int:
    line = " ".join(words.split())
    sys.stderr.write(f"latentarium: {line}\n")
    if "--json" in arguments:
        sys.stdout.write(json.dumps({"error": {"message": line, "status": status}}) + "\n")
    return status
