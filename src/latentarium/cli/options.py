"""Arguments and options that several verbs have."""

from pathlib import Path
from typing import Annotated

import typer

BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A folder made by 'latentarium fit'.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="File to write.")]
Data = Annotated[str | None, typer.Option(help="Where the source is now, when it is not where the fit found it.")]
Latent = Annotated[int, typer.Option(help="Latent dimensions.")]
Given = Annotated[
    list[str] | None,
    typer.Option(help="What a conditional decoder is told: Sneaker, label=Sneaker, Male=1; several times."),
]
