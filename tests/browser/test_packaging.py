"""The page travels with the package: in the wheel and the source distribution, usable where no Node is."""

import json
import os
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("page")]
ROOT = Path(__file__).resolve().parents[2]
STATIC = "latentarium/explorer/static"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, and a wheel that is built from it with no Node on the PATH."""
    folder = tmp_path_factory.mktemp("dist")
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t"]
    subprocess.run([*hatch, "sdist"], cwd=ROOT, check=True, capture_output=True)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder / "source", filter="data")
    (unpacked,) = (folder / "source").iterdir()
    bare = {**os.environ, "PATH": str(folder)}
    subprocess.run([*hatch, "wheel"], cwd=unpacked, check=True, capture_output=True, env=bare)
    return folder


def names_in(archives: Path) -> Iterator[tuple[str, set[str]]]:
    (wheel,), (source,) = archives.glob("*.whl"), archives.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        yield "wheel", set(archive.namelist())
    with tarfile.open(source) as archive:
        yield "source", {name.split("/src/", 1)[-1] for name in archive.getnames()}


def test_both_archives_hold_the_whole_page(archives: Path, page: Path) -> None:
    built = {f"{STATIC}/{p.relative_to(page).as_posix()}" for p in page.rglob("*") if p.is_file()}
    assert any(name.endswith(".gz") for name in built)
    for kind, names in names_in(archives):
        assert built <= names, kind
        assert not [name for name in names if "node_modules" in name], kind


def test_the_installed_wheel_serves_the_page_without_node(
    archives: Path, tmp_path: Path, launch: Callable[..., Browser]
) -> None:
    """The wheel in an environment of its own, over the libraries of this one; its page is alive in Chromium."""
    (wheel,) = archives.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet", wheel]
    subprocess.run(install, check=True, cwd=tmp_path)
    home = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], capture_output=True, text=True
    ).stdout.strip()
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    # behind the wheel's own files, and without the checkout that an editable install would put in front
    (Path(home) / "libraries.pth").write_text(libraries)
    command = [python, "-m", "latentarium", "export"]
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    bundle = Path(home) / "latentarium" / "shipped" / "fashion-vae"
    made = subprocess.run(
        [*command, bundle, tmp_path / "site", "--json"], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    files = json.loads(made.stdout)["files"]
    assert "spaces/fashion-vae/view.json" in files
    told = subprocess.Popen(
        [python, "-m", "latentarium", "explore", bundle, "--no-browser", "--json"],
        stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert told.stdout is not None
        address = json.loads(told.stdout.readline())["address"]
        for name in ("index.html", next(name for name in files if name.endswith(".js") and "index" in name)):
            with urllib.request.urlopen(address + name, timeout=60) as answer:
                assert answer.read() == (Path(home) / STATIC / name).read_bytes()
        page = launch().new_page()
        page.goto(address)
        page.get_by_text("500 points ·").wait_for(timeout=40_000)
        page.get_by_text("in the page").wait_for(timeout=40_000)
        page.close()
    finally:
        told.kill()
        told.wait()
