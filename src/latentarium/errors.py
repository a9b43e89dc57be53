"""The few kinds of error a user meets. Each message is one line: parameter, rule, value, way out."""

from typing import ClassVar


class LatentariumError(Exception):
    """Base of every error raised on purpose; `exit_code` is what the command line returns for it."""

    exit_code: ClassVar[int] = 1


class InvalidInput(LatentariumError, ValueError):
    """A parameter, file or array that breaks a stated rule."""

    exit_code = 2


class MissingCapability(LatentariumError, TypeError):
    """A latent space was asked for something it has no function for."""

    exit_code = 2


class MissingExtra(LatentariumError, ImportError):
    """An optional dependency is needed and absent."""

    exit_code = 2


class DamagedFile(LatentariumError):
    """A stored file is truncated, altered, or of a version this release cannot read."""


class TrainingFailed(LatentariumError):
    """A fit that cannot go on: it diverged, or its checkpoint belongs to other data."""


class Interrupted(LatentariumError):
    """The user stopped a command; the message says what is saved and how to go on."""


def invalid(parameter: str, rule: str, value: object, way_out: str = "") -> InvalidInput:
    """Build the one-line message that names the parameter, the rule, the value and the way out.

    Examples
    --------
    >>> str(invalid("latent", "an integer from 1 to 4096", 0, "pass --latent 32"))
    'latent must be an integer from 1 to 4096, got 0; pass --latent 32'
    """
    shown = repr(value) if isinstance(value, str) else str(value)
    line = f"{parameter} must be {rule}, got {shown}"
    return InvalidInput(f"{line}; {way_out}" if way_out else line)
