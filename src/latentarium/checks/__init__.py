"""`check_space`: the public contract that every `LatentSpace`, ours or foreign, has to keep.

Each check is a plain function of a `Case`. It raises `CheckFailed` where the contract is broken and returns the
reason where it does not apply to the space, so that other projects can run the checks one by one:

    @pytest.mark.parametrize(("name", "check"), list(space_checks()))
    def test_contract(name, check):
        check(Case.of(my_space, my_rows))
"""

from latentarium.checks.case import Case, CheckFailed
from latentarium.checks.contract import space_checks
from latentarium.checks.report import CheckReport, CheckResult, check_space

__all__ = ["Case", "CheckFailed", "CheckReport", "CheckResult", "check_space", "space_checks"]
