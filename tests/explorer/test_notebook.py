"""A space in Python: its page served from the process, an address in one line, a frame for notebooks."""

import urllib.error
import urllib.request

import numpy as np
import pytest

import latentarium as la
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput
from latentarium.explorer.notebook import explore

pytestmark = pytest.mark.usefixtures("page")


def answers(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read().decode()


def test_outside_of_a_notebook_one_line_says_where_it_is(fashion: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    page = fashion.explore()
    assert capsys.readouterr().err == f"{page!r}\n"
    assert page.address in repr(page)
    assert '"api":true' in answers(f"{page.address}host.json")
    page.close()
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        for _ in range(100):
            answers(page.address)


def test_what_cannot_be_explored_is_one_line(fashion: Bundle) -> None:
    codes = la.from_codes(fashion.codes, name="codes")
    with pytest.raises(InvalidInput, match="does not say what its arrays are"):
        codes.explore()
    with pytest.raises(InvalidInput, match="leave data out"):
        explore(fashion, np.zeros((3, 1, 28, 28), np.uint8))
    with pytest.raises(InvalidInput, match=r"data must be rows of shape \(1, 28, 28\), got \(1, 8, 8\)"):
        fashion.space.explore("digits")
    with pytest.raises(InvalidInput, match="height must be a number of pixels, got 0"):
        fashion.explore(height=0)
