"""The verbs of the command table that turn data into files and back."""

from pathlib import Path
from typing import Annotated

import typer

from latentarium.cli.options import BundleArgument, Given, Json

verbs = typer.Typer(add_completion=False, rich_markup_mode="rich")


@verbs.command()
def encode(
    bundle: BundleArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Data of the kind the space was learned from.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file of ids, codes and labels.")] = Path(
        "codes.parquet"
    ),
    named: Annotated[
        bool, typer.Option("--named", help="A column for each number of a code, in place of one of lists.")
    ] = False,
    json: Json = False,
) -> None:
    """Codes of new data, to Parquet."""
    from latentarium.cli.coding import run_encode

    run_encode(bundle, data=data, named=named, out=out, as_json=json)


@verbs.command()
def decode(
    bundle: BundleArgument,
    codes: Annotated[
        Path,
        typer.Argument(
            metavar="CODES", help="Parquet file as 'encode' writes it, or with lists of numbers in a column 'code'."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Parquet file (.parquet); of pictures also .npy, or a folder of PNG files."),
    ] = Path("decoded.parquet"),
    given: Given = None,
    json: Json = False,
) -> None:
    """Data for the codes in a Parquet file."""
    from latentarium.cli.coding import run_decode

    run_decode(bundle, codes=codes, given=given or (), out=out, as_json=json)


@verbs.command()
def compress(
    bundle: BundleArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Data of the kind the space was learned from.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .lsc, or .parquet in plain mode.")],
    mode: Annotated[
        str,
        typer.Option(help="bits-back and direct lose nothing, lossy keeps what the space keeps, plain writes codes."),
    ] = "auto",
    step: Annotated[
        float | None, typer.Option(help="Of a lossy file: larger is smaller and worse.", show_default="3.5")
    ] = None,
    effort: Annotated[
        int | None, typer.Option(help="Of a lossy file: steps of descent on each row's code.", show_default="0")
    ] = None,
    chunk: Annotated[
        int | None, typer.Option(help="Rows that can only be read together.", show_default="up to 1024")
    ] = None,
    ids: Annotated[
        bool, typer.Option("--ids/--no-ids", help="Keep ids of the rows that are more than numbers.")
    ] = True,
    json: Json = False,
) -> None:
    """Compress pictures into one file, without loss or with; the file decodes on any machine with the same bundle."""
    from latentarium.cli.compressing import CompressRequest, run_compress

    request = CompressRequest(data=data, out=out, mode=mode, step=step, effort=effort, chunk=chunk, ids=ids)
    run_compress(bundle, request, as_json=json)


@verbs.command()
def decompress(
    bundle: BundleArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that 'compress' wrote.")],
    rows: Annotated[str | None, typer.Option(help="Only these, as START:STOP.")] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write, .npy or .parquet, or a folder of PNG files.")
    ] = Path("decompressed.npy"),
    json: Json = False,
) -> None:
    """The rows of a compressed file, or some of them."""
    from latentarium.cli.compressing import run_decompress

    run_decompress(bundle, file=file, rows=rows, out=out, as_json=json)
