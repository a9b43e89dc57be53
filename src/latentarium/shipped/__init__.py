"""Spaces that come with the package: small bundles, trained by the package's own commands.

None of them has seen pictures of real people. The provenance in their manifests says what they were trained on, with
which settings and by which versions; `scripts/ship.py` makes them again.
"""

import shutil
from pathlib import Path

from latentarium.bundle import MANIFEST, Bundle, open_bundle
from latentarium.errors import invalid
from latentarium.files import replacing_folder

FOLDER = Path(__file__).parent


def shipped_names() -> list[str]:
    """Names of the spaces that come with the package."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{MANIFEST}"))


def open_shipped(name: str) -> Bundle:
    """The bundle called `name`, where it lies in the package; copy it before it is written to.

    Raises
    ------
    InvalidInput
        When no shipped space has that name.
    """
    if name not in shipped_names():
        raise invalid("the shipped space", f"one of {', '.join(shipped_names())}", name)
    return open_bundle(FOLDER / name)


def copy_shipped(name: str, path: Path) -> Bundle:
    """A copy of the bundle called `name` at `path`, in place of what is there."""
    bundle = open_shipped(name)
    with replacing_folder(path, keep=False) as folder:
        for file in (MANIFEST, *bundle.manifest["files"]):
            shutil.copy2(bundle.path / file, folder / file)
    return open_bundle(path)
