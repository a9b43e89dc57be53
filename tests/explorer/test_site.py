"""A site holds what the page needs and nothing else; an export is written whole or not at all."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import run_in_process
from tests.explorer.conftest import Server

from latentarium.bundle import Bundle, open_bundle
from latentarium.errors import DamagedFile, InvalidInput, MissingExtra
from latentarium.explorer import site as sites
from latentarium.explorer.site import make_site, page_files, write_site

pytestmark = pytest.mark.usefixtures("page")


def test_a_server_gives_the_files_of_an_export_byte_for_byte(served: Server, fashion: Bundle, tmp_path: Path) -> None:
    write_site(make_site([fashion], api=False, exact=True), tmp_path / "site")
    written = {p.relative_to(tmp_path / "site").as_posix(): p for p in (tmp_path / "site").rglob("*") if p.is_file()}
    more = set(served.site.files) - set(written)
    assert {name.partition(".")[0] for name in more} == {"assets/ort-webgpu"}, "exports are spared what they do not use"
    assert set(written) <= set(served.site.files)
    for name, path in written.items():
        answer = served.ask(f"/{name}")
        assert answer.status == 200
        if name != "host.json":
            assert answer.body == path.read_bytes(), name
    hosts = [json.loads(written["host.json"].read_text()), json.loads(served.ask("/host.json").body)]
    assert [host.pop("api") for host in hosts] == [False, True]
    assert hosts[0] == hosts[1], "they differ in nothing else"


def test_everything_a_view_names_is_there(fashion: Bundle) -> None:
    site = make_site([fashion], api=False)
    text = site.files["spaces/fashion/view.json"]
    assert isinstance(text, bytes)
    names = set(re.findall(r'"(?:file|ids|report)":"([^"]+)"', text.decode())) | set(json.loads(text)["files"])
    assert names <= {name.removeprefix("spaces/fashion/") for name in site.files}


def test_without_thumbs_no_row_is_in_the_site(fashion: Bundle, table: Bundle) -> None:
    for bundle, folder in ((fashion, "spaces/fashion"), (table, "spaces/people")):
        site = make_site([bundle], api=False, thumbs=False)
        assert not [n for n in site.files if re.search(r"thumbs|inputs|lines", n)]
        text = site.files[f"{folder}/view.json"]
        assert isinstance(text, bytes)
        view = json.loads(text)
        assert (view["thumbs"], view["inputs"]) == (None, None)
        assert view["decoder"] is not None
        assert set(view["files"]) <= {n.removeprefix(f"{folder}/") for n in site.files}


def test_export_says_what_becomes_public_and_replaces_only_sites(fashion: Bundle, tmp_path: Path) -> None:
    site = tmp_path / "site"
    outcome = run_in_process("export", fashion.path, site, "--json")
    assert outcome.status == 0, outcome.err
    assert "can read its codes, ids, labels and pictures of its rows" in outcome.err
    assert "--no-thumbs" in outcome.err
    result = outcome.json
    assert result["bytes"] == sum(p.stat().st_size for p in site.rglob("*") if p.is_file())
    assert result["files"]["index.html"] == (site / "index.html").stat().st_size
    again = run_in_process("export", fashion.path, site, "--no-thumbs")
    assert again.status == 0, again.err
    assert "pictures" not in again.err
    assert not list(site.rglob("*.webp"))
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("dear")
    refused = run_in_process("export", fashion.path, tmp_path / "letters")
    assert refused.status == 2
    assert "no exported site" in refused.err
    assert [p.name for p in (tmp_path / "letters").iterdir()] == ["mine.txt"]


def test_two_bundles_of_one_name_get_two_folders(fashion: Bundle, avatars: Bundle) -> None:
    site = make_site([fashion, avatars, fashion], api=True)
    assert list(site.bundles) == ["spaces/fashion", "spaces/avatars", "spaces/fashion-2"]


def test_a_damaged_file_is_named_before_anything_is_served(copy: Path) -> None:
    path = copy / "explorer" / "latent.u16"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DamagedFile, match=r"explorer/latent\.u16 does not match its checksum"):
        make_site([open_bundle(copy)], api=True)


def test_without_the_page_one_line_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sites, "STATIC", tmp_path)
    with pytest.raises(MissingExtra, match="make page"):
        page_files()


def test_a_folder_that_changed_meanwhile_is_refused(fashion: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "view_of", lambda bundle: None)
    with pytest.raises(InvalidInput, match="has changed"):
        make_site([fashion], api=True)


def test_first_load_and_page_stay_small(page: Path) -> None:
    """Bytes after gzip: what is needed before the map shows, and the whole page as it is exported."""
    import gzip

    def packed(path: Path) -> int:
        return len(gzip.compress(path.read_bytes(), 6))

    index = (page / "index.html").read_text(encoding="utf-8")
    first = [page / name for name in re.findall(r'(?:src|href)="\./(assets/[^"]+)"', index)]
    assert {path.suffix for path in first} == {".js", ".css"}
    assert sum(map(packed, first)) <= 120_000
    exported = make_site([], api=False).files.values()
    assert sum(packed(path) for path in exported if isinstance(path, Path)) <= 5_000_000


def test_the_page_names_no_other_host(page: Path) -> None:
    allowed = ("http://www.w3.org/", "https://svelte.dev/")
    for path in page.rglob("*"):
        if path.suffix in (".html", ".css") or path.name.startswith("index-"):
            for address in re.findall(r"https?://[\w./-]+", path.read_text(encoding="utf-8")):
                assert address.startswith(allowed), f"{path.name}: {address}"


def test_wire_types_of_the_page_are_up_to_date() -> None:
    import runpy

    root = Path(__file__).resolve().parents[2]
    made = runpy.run_path(str(root / "scripts/make_wire_types.py"))
    stored = (root / "frontend/src/wire.ts").read_text(encoding="utf-8")
    assert stored == made["render"](), "run python scripts/make_wire_types.py"


def test_serving_needs_no_names_of_paths(serve: Callable[..., Server], fashion: Bundle) -> None:
    server = serve(make_site([fashion], api=True))
    for path in (
        "/../manifest.json",
        "/spaces/fashion/../../../manifest.json",
        "/%2e%2e/manifest.json",
        "/spaces/fashion/%2e%2e/%2e%2e/manifest.json",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/spaces\\fashion\\..\\manifest.json",
        "/host.json%00.js",
        "/model.safetensors",
    ):
        answer = server.ask(path)
        assert (answer.status, "there is no" in answer.error) == (404, True), path


def test_a_link_that_leads_out_of_the_bundle_is_not_followed(copy: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    stored = copy / "explorer" / "latent.u16"
    # even with the right content, as a bundle from a stranger could guess it
    secret.write_bytes(stored.read_bytes())
    stored.unlink()
    stored.symlink_to(secret)
    with pytest.raises(InvalidInput, match=r"latent\.u16"):
        make_site([open_bundle(copy)], api=True)


def test_two_spaces_of_the_same_rows_are_exported_together(
    pair: tuple[Bundle, Bundle], fashion: Bundle, tmp_path: Path
) -> None:
    outcome = run_in_process("export", pair[0].path, tmp_path / "site", "--with", pair[1].path, "--json")
    assert outcome.status == 0, outcome.err
    host = json.loads((tmp_path / "site" / "host.json").read_text())
    assert [space["path"] for space in host["spaces"]] == ["spaces/six", "spaces/two"]
    decoders = [name for name in outcome.json["files"] if name.endswith(".onnx") and "decoder" in name]
    assert [name.rpartition("/")[0] for name in sorted(decoders)] == ["spaces/six", "spaces/two"]
    for command in (
        ("export", pair[0].path, tmp_path / "no", "--with", fashion.path),
        ("explore", pair[0].path, fashion.path),
    ):
        refused = run_in_process(*command)
        assert refused.status == 2
        assert "the other bundle must be a space of some of the same rows, got 'digits (six) and" in refused.err
