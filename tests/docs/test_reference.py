"""The reference is complete: public names, flags, settings and measures; nothing in it is stale."""

import dataclasses
import inspect
import re
import runpy
from pathlib import Path

import pytest
import typer

import latentarium
from latentarium.cli.app import app
from latentarium.measures import MEASURES
from latentarium.models.autoencoder import Architecture
from latentarium.training.settings import Adversarial, FitSettings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_command_line_page_is_up_to_date() -> None:
    made = runpy.run_path(str(ROOT / "scripts/make_cli_docs.py"))
    assert page("reference/command-line.md") == made["render"](), "run python scripts/make_cli_docs.py"


def test_every_verb_and_flag_is_on_the_page_with_words() -> None:
    text = page("reference/command-line.md")
    for name, command in typer.main.get_command(app).commands.items():
        section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        assert section is not None, name
        assert command.help
        for parameter in command.params:
            assert parameter.help, f"{name}: {parameter.name} has no help"
            if parameter.param_type_name == "option":
                assert all(f"`{flag}`" in section[1] for flag in parameter.opts), parameter.opts


@pytest.mark.parametrize("name", latentarium.__all__)
def test_every_public_name_has_a_docstring_with_an_example_and_is_in_the_docs(name: str) -> None:
    found = getattr(latentarium, name)
    text = inspect.getdoc(found) or ""
    assert len(text.splitlines()[0]) > 10
    assert ">>>" in text, f"{name} has no example"
    assert any(f"la.{name}" in path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")), name


def rows_of(text: str) -> dict[str, str]:
    """First and second cell of each table row that begins with a name in backticks."""
    return {m[1]: m[2].strip() for m in re.finditer(r"^\| `(\w+)` \| ([^|]*)\|", text, re.M)}


@pytest.mark.parametrize("kind", [FitSettings, Architecture, Adversarial])
def test_every_setting_is_documented_with_its_default(kind: type) -> None:
    documented = rows_of(page("reference/settings.md"))
    for field in dataclasses.fields(kind):
        assert field.name in documented, field.name
        if field.default is not dataclasses.MISSING:
            shown = documented[field.name].strip("`").replace("'", '"')
            assert shown == repr(field.default).replace("'", '"'), f"{field.name}: {shown}"


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {f.name for kind in (FitSettings, Architecture, Adversarial) for f in dataclasses.fields(kind)}
    assert set(rows_of(page("reference/settings.md"))) <= known


def test_every_measure_is_documented() -> None:
    of_several_spaces = {"udr", "udr_of_spaces", "stability"}
    assert set(rows_of(page("reference/measures.md"))) == set(MEASURES) | of_several_spaces
    made = runpy.run_path(str(ROOT / "scripts/make_measure_docs.py"))
    assert page("reference/measures.md") == made["render"]()


def test_every_file_of_a_bundle_is_documented(tmp_path: Path) -> None:
    space = tmp_path / "space"
    latentarium.fit("digits", latent=2, width=8, steps=2, out=space, progress=False)
    text = page("reference/bundle.md")
    assert all(f"`{path.name}`" in text for path in space.iterdir())


def test_every_setting_has_words_in_its_docstring() -> None:
    for kind in (FitSettings, Architecture, Adversarial):
        text = inspect.getdoc(kind) or ""
        for field in dataclasses.fields(kind):
            assert re.search(rf"\b{field.name}\b", text), f"{kind.__name__}.{field.name}"
