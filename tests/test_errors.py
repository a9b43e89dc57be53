import pytest

from latentarium import errors


def test_message_names_parameter_rule_value_and_way_out() -> None:
    error = errors.invalid("size", "a multiple of 4", 7, "pass --size 8")
    assert str(error) == "size must be a multiple of 4, got 7; pass --size 8"
    assert str(errors.invalid("mode", "one of a, b", "c")) == "mode must be one of a, b, got 'c'"


@pytest.mark.parametrize(
    ("kind", "builtin", "code"),
    [
        (errors.InvalidInput, ValueError, 2),
        (errors.MissingCapability, TypeError, 2),
        (errors.MissingExtra, ImportError, 2),
        (errors.DamagedFile, Exception, 1),
        (errors.TrainingFailed, Exception, 1),
    ],
)
def test_errors_are_ours_and_python_s(kind: type[errors.LatentariumError], builtin: type[Exception], code: int) -> None:
    error = kind("line")
    assert isinstance(error, errors.LatentariumError)
    assert isinstance(error, builtin)
    assert error.exit_code == code
