"""Spaces at the edge of what there is: no row, equal rows, one class, one dimension, rows that lie nowhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser.conftest import Tab
from tests.cli.conftest import run_in_process

from latentarium.bundle import Bundle, open_bundle, table_writer
from latentarium.explorer.cache import with_view
from latentarium.explorer.site import Site, make_site
from latentarium.shipped import copy_shipped

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
Show = Callable[[Bundle], Tab]


@pytest.fixture
def show(tab: OpenTab, static_host: Callable[[Site], str]) -> Show:
    """Opens a bundle's page and waits until its map is drawn."""

    def start(bundle: Bundle) -> Tab:
        it = tab()
        it.page.goto(f"{static_host(make_site([with_view(bundle)], api=False))}?test=1")
        it.wait(
            "!!window.__explorer?.map.painted && x.ids.length === x.space.rows && x.stage.network.state !== 'opening'"
        )
        return it

    return start


def clothes(folder: Path, change: Callable[[Any], Any]) -> Bundle:
    """The shipped clothes with altered codes."""
    bundle = copy_shipped("fashion-vae", folder / "clothes")
    codes = change(bundle.codes.copy())
    return bundle.with_files({"codes.parquet": table_writer({"id": bundle.ids, "code": codes})})


def test_rows_that_lie_nowhere_are_counted_and_named(show: Show, tmp_path: Path) -> None:
    def spoil(codes: Any) -> Any:
        codes[[3, 50]] = np.nan
        codes[7, 2] = np.inf
        return codes

    bundle = clothes(tmp_path, spoil)
    it = show(bundle)
    assert it.ask("x.map.painted.total") == 497
    it.page.get_by_text("3 rows without a place").click()
    shown = it.page.get_by_role("group").get_by_role("listitem").all_inner_texts()
    assert shown == [str(name) for name in bundle.ids[[3, 7, 50]]]
    # what is left belongs together: a row's picture, label and code
    for row in (0, 250, 496):
        it.ask(f"x.showRow({row})")
        it.wait(f"x.stage.input?.row === {row} && x.stage.decoded.z === x.stage.z")
        number = list(bundle.ids).index(it.ask(f"x.ids[{row}]"))
        kept = bundle.kept[list(bundle.kept_rows).index(number)].ravel() / 255
        assert np.abs(np.array(it.ask("Array.from(x.stage.input.values)")) - kept).mean() < 0.02
        assert np.allclose(it.ask("Array.from(x.stage.z)"), bundle.codes[number], atol=1e-3)
        assert it.ask(f"x.labelOf({row})") == bundle.column("label")[number]
    assert it.violations() == []


def test_no_row_at_all_is_said(show: Show, tmp_path: Path) -> None:
    it = show(clothes(tmp_path, lambda codes: codes * np.nan))
    it.page.get_by_text("No row to show").wait_for()
    it.page.get_by_text("500 rows without a place").wait_for()
    it.page.get_by_text("and 400 more").wait_for(state="attached")
    for tab_name in ("Latent", "Edit", "Path", "Neighbours", "Compare"):
        it.page.get_by_role("tab", name=tab_name).click()
    for drawer in ("Outliers", "Rows", "Report"):
        it.page.get_by_role("button", name=drawer, exact=True).click()
    it.page.mouse.click(*it.at(0.5, 0.5))
    it.page.keyboard.press("r")
    assert it.ask("x.stage.z.every(Number.isFinite)")
    assert it.violations() == []


def test_equal_rows_lie_in_one_place(show: Show, tmp_path: Path) -> None:
    it = show(clothes(tmp_path, lambda codes: codes * 0 + 0.5))
    assert it.ask("x.map.place(0)") == it.ask("x.map.place(499)")
    it.page.mouse.click(*it.place(0))
    it.wait("x.stage.row === 0 && x.stage.decoded.z === x.stage.z")
    assert np.allclose(it.ask("Array.from(x.stage.z)"), 0.5)
    it.page.mouse.click(*it.at(0.9, 0.9))
    it.wait("x.stage.row === -1 && x.stage.z.every(Number.isFinite) && x.stage.typical !== null")
    # nothing varies, so nothing is in use
    it.page.get_by_role("button", name="Show unused (16)").click()
    before = it.ask("x.stage.z[0]")
    it.page.get_by_role("slider", name="z0, unused", exact=True).press("ArrowRight")
    it.wait(f"x.stage.decoded.z === x.stage.z && x.stage.z[0] !== {before}")


def test_one_class_is_one_colour(show: Show, tmp_path: Path) -> None:
    bundle = copy_shipped("fashion-vae", tmp_path / "clothes")
    columns = {"id": bundle.ids, "split": bundle.splits, "kept": np.ones(500, bool), "label": np.full(500, "Bag")}
    it = show(bundle.with_files({"rows.parquet": table_writer(columns)}))
    assert it.ask("x.map.column.names") == ["Bag"]
    it.page.get_by_role("checkbox", name="Bag").uncheck(force=True)
    assert it.ask("x.map.matching") == 0
    it.page.get_by_role("button", name="Show all", exact=True).click()
    it.page.get_by_role("tab", name="Edit").click()
    it.page.get_by_text("attribute").first.wait_for()


def test_one_dimension_is_a_space_too(show: Show, tmp_path: Path) -> None:
    arguments = ("fit", "digits", "--latent", 1, "--steps", 5, "--out", tmp_path / "line")
    assert run_in_process(*arguments).status == 0
    it = show(open_bundle(tmp_path / "line"))
    it.wait("!!x.stage.decoded")
    assert it.page.get_by_text("z × z").count() == 0
    ys = it.ask("Array.from({ length: 50 }, (_, row) => x.map.place(row)[1])")
    assert np.ptp(ys) < 1e-4, "they lie on a line"
    it.page.mouse.click(*it.at(0.8, 0.9))
    it.wait("x.stage.row === -1 && x.stage.decoded.z === x.stage.z")
    it.page.get_by_role("tab", name="Neighbours").click()
    it.page.get_by_role("tabpanel").get_by_role("listitem").first.wait_for()
