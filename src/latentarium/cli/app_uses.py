"""The verbs of the command table that put a space to work: odd rows, likeness, what codes are worth."""

from pathlib import Path
from typing import Annotated

import typer

from latentarium.cli.options import BundleArgument, Json, Out, Seed

verbs = typer.Typer(add_completion=False, rich_markup_mode="rich")


@verbs.command()
def detect(
    bundle: BundleArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="New data of the kind the space was learned from.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Table of scores (.parquet or .csv); a page and a sheet lie beside it.")
    ] = Path("odd.parquet"),
    scores: Annotated[
        str,
        typer.Option(
            help="plane, weighted, plain, elbo, iwae, mahalanobis, latent-neighbours, data-neighbours, or a sum: a+b."
        ),
    ] = "plane",
    threshold: Annotated[str, typer.Option(help="conformal, quantile or pot.")] = "conformal",
    alpha: Annotated[
        float, typer.Option(help="Share of normal rows that may be called odd: sets the threshold.")
    ] = 0.05,
    contamination: Annotated[
        float | None,
        typer.Option(help="Share of odd rows among those to compare with, which are left out.", show_default="none"),
    ] = None,
    novelty: Annotated[
        bool, typer.Option("--novelty", help="The rows to compare with are known to be normal.")
    ] = False,
    fdr: Annotated[float, typer.Option(help="Share of false ones that is allowed among the discoveries.")] = 0.1,
    neighbours: Annotated[int, typer.Option(help="Rows that a row is compared with.")] = 20,
    oddest: Annotated[int, typer.Option(help="How many of the oddest rows to show.")] = 20,
    maps: Annotated[Path | None, typer.Option(help="Maps of the oddest rows to write as numbers (.npz).")] = None,
    source: Annotated[
        str | None, typer.Option(help="Where the bundle's source is now, when it is not where the fit found it.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find odd rows in DATA: a table of scores, a sheet of the oddest with heat-maps, and an HTML page."""
    from latentarium.cli.finding import DetectRequest, run_detect

    settings = {"scores": scores, "threshold": threshold, "alpha": alpha, "neighbours": neighbours, "seed": seed}
    settings |= {} if contamination is None else {"contamination": contamination, "novelty": novelty}
    request = DetectRequest(data=data, out=out, maps=maps, source=source, settings=settings, fdr=fdr, oddest=oddest)
    run_detect(bundle, request, as_json=json)


@verbs.command()
def search(
    bundle: BundleArgument,
    query: Annotated[
        list[str],
        typer.Argument(metavar="QUERY...", help="Row ids or numbers, files of new data, or a text."),
    ],
    n: Annotated[int, typer.Option("-n", help="How many rows to find.")] = 10,
    where: Annotated[
        list[str] | None, typer.Option(help="Only rows with COLUMN=VALUE; also !=, <, <=, >, >=; several times.")
    ] = None,
    odd_one_out: Annotated[
        bool, typer.Option("--odd-one-out", help="Say which of the given rows does not belong.")
    ] = False,
    store: Annotated[str, typer.Option(help="exact, lance (an index beside the bundle) or auto.")] = "auto",
    out: Out = None,
    json: Json = False,
) -> None:
    """Find rows with codes near those of QUERY: more like these, or the odd one out among them."""
    from latentarium.cli.searching import SearchRequest, run_search

    request = SearchRequest(query=query, n=n, where=where or (), store=store, out=out)
    run_search(bundle, request, odd=odd_one_out, as_json=json)


@verbs.command()
def probe(
    bundle: BundleArgument,
    label: Annotated[str, typer.Option(help="Column to tell: of classes, or of numbers.")] = "label",
    draws: Annotated[int, typer.Option(help="Draws of the few labels.")] = 10,
    data: Annotated[
        str | None, typer.Option(help="Other rows with the label, or the bundle's source where it is now.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="HTML page to write.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What the codes are worth to a classifier, with all labels and with few, beside raw rows and PCA of equal size."""
    from latentarium.cli.probing import run_probe

    run_probe(bundle, label=label, draws=draws, data=data, out=out, seed=seed, as_json=json)


@verbs.command()
def edit(
    bundle: BundleArgument,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WHAT]...", help="Pictures, other new data, or ids or numbers of rows.", show_default=False
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="ATTRIBUTE=+2, units of log-odds, of a number standard deviations; or COLUMN=VALUE; several."
        ),
    ] = None,
    keep: Annotated[list[str] | None, typer.Option(help="Attributes that shall stay, separated by commas.")] = None,
    slack: Annotated[
        float, typer.Option(help="How far what is kept may move, as a share of the largest change.")
    ] = 0.0,
    steps: Annotated[int, typer.Option(help="Equal steps of the way that are shown.")] = 4,
    curved: Annotated[
        bool, typer.Option("--curved", help="Follow the gradient of a probe with a hidden layer, not a straight line.")
    ] = False,
    method: Annotated[str | None, typer.Option(help="logistic or lda.", show_default="logistic")] = None,
    labels: Annotated[
        str | None, typer.Option(help="Rows with labels to learn directions from, where the bundle has none.")
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Change attributes of rows, and say what else changed and how far from the data it led; without --set: which."""
    from latentarium.cli.editing import EditRequest, run_edit

    request = EditRequest(
        what=what or (),
        sets=set_ or (),
        keep=keep or (),
        slack=slack,
        steps=steps,
        curved=curved,
        method=method,
        labels=labels,
    )
    run_edit(bundle, request, out=out, as_json=json)
