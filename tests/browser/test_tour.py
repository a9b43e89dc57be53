"""What the tour says is there: each control it names, on the page that its commands make."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.browser.conftest import Tab

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_every_control_of_the_tour_is_on_the_page(
    tab: Callable[..., Tab], static_host: Callable[[Site], str], fashion: Bundle
) -> None:
    text = (ROOT / "docs" / "how-to" / "explore-tour.md").read_text(encoding="utf-8")
    it = tab().open(f"{static_host(make_site([fashion], api=False))}?test=1")
    it.ask("(x.showRow(3), x.pin(), x.showRow(40), x.pin(), x.openTab('path'))")
    named = set(re.findall(r"\*\*(.+?)\*\*", text))
    assert len(named) >= 6
    for name in named:
        either = it.page.get_by_role("button", name=name).or_(it.page.get_by_role("tab", name=name))
        assert either.first.is_visible(), name
    for word in re.findall(r"(?<!\*)\*(\w+)\*(?!\*)", text):
        assert it.page.get_by_text(word).first.is_visible(), word
    for picture in re.findall(r"\((\.\./pictures/[^)]+)\)", text):
        assert (ROOT / "docs" / "how-to" / picture).is_file(), picture
