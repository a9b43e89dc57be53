"""The report as a sheet: scores with what misleads in them, and each linked to the points behind it."""

import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from tests.browser.conftest import Hosts, Tab
from tests.browser.test_outliers import column

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]


def opened(tab: OpenTab, address: str) -> Tab:
    it = tab().open(address)
    it.page.get_by_role("button", name="Report").click()
    it.page.get_by_role("heading", name="PSNR").wait_for()
    return it


def behind(it: Tab, title: str) -> None:
    it.page.get_by_role("button", name=f"behind {title}").click()


@pytest.mark.parametrize("host", ["server", "server-decode", "static"])
def test_the_worst_rows_behind_a_score_light_up_and_stand_beside_their_input(
    host: str, hosts: Hosts, tab: OpenTab, fashion: Bundle
) -> None:
    it = opened(tab, hosts[host])
    stored = json.loads((fashion.path / "measures.json").read_text())["scores"]["psnr"]
    card = it.page.locator("#score-psnr")
    assert f"{stored['value']:.2f}" in card.inner_text()
    assert f"{stored['interval'][0]:.2f} to {stored['interval'][1]:.2f}" in card.inner_text()
    assert f"{stored['n']} rows" in card.inner_text()
    card.get_by_text("When it misleads").click()
    assert card.get_by_text(stored["misleads"][1:]).is_visible()
    behind(it, "PSNR")
    worst = np.argsort(-column(it, "reconstruction_error"), kind="stable")[:40]
    it.wait(f"x.map.chosenRows.length === 40 && x.stage.row === {worst[0]} && x.stage.input !== null")
    assert it.ask("x.map.chosenRows") == sorted(worst.tolist())
    assert it.ask("x.map.marks") == worst.tolist()
    assert it.page.get_by_role("heading", name=it.ask(f"x.name({worst[0]})")).is_visible()
    listed = it.page.get_by_role("list", name="Rows behind PSNR").get_by_role("button")
    assert listed.count() == 40
    listed.nth(1).click()
    it.wait(f"x.stage.row === {worst[1]}")
    behind(it, "PSNR")
    assert it.ask("x.map.marks.length + x.map.chosenRows.length") == 0


def test_each_kind_of_score_leads_to_its_own_and_others_lead_nowhere(
    hosts: Hosts, tab: OpenTab, fashion: Bundle
) -> None:
    it = opened(tab, hosts["static"])
    scores = json.loads((fashion.path / "measures.json").read_text())["scores"]
    assert it.page.get_by_role("button", name="behind Straightness").count() == 0
    behind(it, "Rate")
    it.wait("x.map.chosenRows.length === 40")
    lengths = "Array.from({ length: 500 }, (_, r) => Math.hypot(...x.space.code(r).map((v, d) => v - m[d])))"
    far = np.argsort(-np.array(it.ask(f"((m) => {lengths})(x.space.view.typicality.centre)")), kind="stable")[:40]
    assert it.ask("x.map.chosenRows") == sorted(far.tolist())

    behind(it, "Probe accuracy")
    recall = scores["probe_accuracy"]["parts"]["recall"]
    names = scores["probe_accuracy"]["settings"]["classes"]
    worst = names[int(np.argmin(recall))]
    it.wait(f"x.map.chosenRows.length > 0 && x.labelOf(x.stage.row) === '{worst}'")
    classes = it.page.get_by_role("list", name="Probe accuracy by class").get_by_role("button")
    assert worst in classes.first.inner_text()
    classes.filter(has_text="Trouser").click()
    it.wait("x.map.chosenRows.every((row) => x.labelOf(row) === 'Trouser') && x.labelOf(x.stage.row) === 'Trouser'")
    counts = dict(it.ask("x.map.column.names.map((n, i) => [n, x.map.column.counts[i]])"))
    assert it.ask("x.map.chosenRows.length") == counts["Trouser"]

    behind(it, "KL per dimension")
    kl = scores["kl_per_dimension"]["parts"]["kl"]
    order = np.argsort(-np.array(kl), kind="stable").tolist()
    it.wait(f"x.sliders.dimension === {order[0]} && x.look.tab === 'latent'")
    sliders = it.page.get_by_role("tabpanel").get_by_role("slider")
    assert [sliders.nth(i).get_attribute("aria-label") for i in range(12)] == [f"z{d}" for d in order[:12]]
    it.page.get_by_role("list", name="KL per dimension by dimension").get_by_role("button").nth(3).click()
    assert it.ask("x.sliders.dimension") == order[3]
    it.page.get_by_role("button", name="By how much each changes").click()
    assert sliders.first.get_attribute("aria-label") == f"z{it.ask('x.sliders.basis.order[0]')}"


def test_what_stands_out_is_said_first_and_leads_to_its_scores(
    tab: OpenTab, fashion: Bundle, static_host: Callable[[Site], str], hosts: Hosts
) -> None:
    it = opened(tab, hosts["static"])
    assert it.page.get_by_text("No trouble stands out.").is_visible()
    site = make_site([fashion], api=False)
    name = next(name for name in site.files if name.endswith("report.json"))
    told = json.loads(fashion.file("explorer/report.json").read_text())
    told["findings"] = [{"title": "Odd", "words": "It is.", "advice": "Look.", "scores": ["kl_per_dimension"]}]
    view = json.loads(site.files[f"{name.rsplit('/', 1)[0]}/view.json"])  # type: ignore[arg-type]
    view["files"].pop("report.json")
    changed = {name: json.dumps(told).encode(), f"{name.rsplit('/', 1)[0]}/view.json": json.dumps(view).encode()}
    other = opened(tab, f"{static_host(Site({**site.files, **changed}, {}))}?test=1")
    finding = other.page.get_by_role("list", name="What stands out").get_by_role("listitem")
    assert "Odd. It is. Look." in finding.inner_text()
    finding.get_by_role("button", name="KL per dimension").press("Enter")
    assert other.ask("document.activeElement.id") == "score-kl_per_dimension"


def test_the_map_is_seen_above_the_report(hosts: Hosts, tab: OpenTab) -> None:
    it = opened(tab, hosts["static"] + "&layer=webgl")
    it.page.wait_for_timeout(300)
    drawer = it.page.locator("#drawer").bounding_box()
    assert drawer is not None
    shown = np.asarray(Image.open(io.BytesIO(it.page.screenshot())).convert("RGB"), int)
    seen = shown[60 : int(drawer["y"]) - 10, 170:770]
    assert (np.ptp(seen, axis=2) > 60).sum() > 500, "points in colour"
