"""Train the spaces that come with the package, by its own commands, and put slim copies into it.

    python scripts/ship.py fashion-vae
    python scripts/ship.py fashion-gan
    python scripts/ship.py avatar-vae --data PATH/avatars_64.npz
    python scripts/ship.py melody-vae --data PATH/melodies

The avatars are drawn, not photographed: no shipped space has seen pictures of real people. None of their pictures and
none of the tunes is passed on, only what the space decodes.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from latentarium.applications.slimming import slim_bundle
from latentarium.bundle import open_bundle
from latentarium.data import ImageModality
from latentarium.explorer.networks import with_graphs
from latentarium.shipped import FOLDER

RECIPES = {
    "fashion-vae": "fashion-mnist --config scripts/shipped/fashion-vae.toml",
    "fashion-gan": "fashion-mnist --config scripts/shipped/fashion-gan.toml --from BEGIN",
    "avatar-vae": "DATA --config scripts/shipped/avatar-vae.toml",
    "melody-vae": "DATA --config scripts/shipped/melody-vae.toml",
}
BEGIN = {"fashion-gan": "fashion-mnist --config scripts/shipped/fashion-gan-begin.toml"}
"""The VAE that a game begins as."""
ROWS = {"fashion-vae": 500, "fashion-gan": 500, "avatar-vae": 80, "melody-vae": 200}
"""Test rows that travel with each."""
DECODED = ("avatar-vae", "melody-vae")


def main() -> None:
    """Fit what is not there yet, slim it, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=list(RECIPES))
    parser.add_argument("--data", default="avatars_64.npz", help="the avatar pictures, or the folder of tunes")
    parser.add_argument("--work", type=Path, default=Path("build/shipped"), help="where the whole bundles go")
    given = parser.parse_args()
    for name in given.names:
        whole, begin = given.work / name, given.work / f"{name}-begin"
        places = {"DATA": given.data, "BEGIN": str(begin)}
        if name in BEGIN:
            fit(BEGIN[name].split(), begin)
        fit([places.get(word, word) for word in RECIPES[name].split()], whole)
        slim = slim_bundle(open_bundle(whole), FOLDER / name, rows=ROWS[name], name=name, decoded=name in DECODED)
        if isinstance(slim.modality, ImageModality):
            slim, _ = with_graphs(slim)
        size = sum(path.stat().st_size for path in slim.path.iterdir())
        print(f"{name}: {size / 2**20:.2f} MiB in {slim.path}")


def fit(words: list[str], path: Path) -> None:
    """Run `latentarium fit` with these words, unless `path` is there."""
    if not path.exists():
        subprocess.run([sys.executable, "-m", "latentarium", "fit", *words, "--out", str(path)], check=True)


if __name__ == "__main__":
    main()
