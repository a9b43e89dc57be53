"""What the scripts that make a file of the tree share."""

import sys
from pathlib import Path


def write_or_check(path: Path, text: str) -> int:
    """Write `text` to `path`; with --check only say whether it is there, by the exit status."""
    if "--check" in sys.argv[1:]:
        stale = not path.exists() or path.read_text(encoding="utf-8") != text
        print(f"{path.name} is {f'stale: run python scripts/{Path(sys.argv[0]).name}' if stale else 'up to date'}")
        return int(stale)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return 0
