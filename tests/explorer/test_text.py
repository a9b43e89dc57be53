"""Lines of text in a view: what they say, their symbols, and sentences of which only vectors are known."""

import json

import numpy as np
import pytest
from tests.explorer.test_view import order_of, read, viewed

from latentarium.bundle import Bundle
from latentarium.explorer.cache import FOLDER
from latentarium.explorer.site import make_site
from latentarium.explorer.wire import SentenceKind, TextKind


@pytest.mark.parametrize("name", ["lines", "sentences"])
def test_rows_are_shown_by_what_they_say(name: str, request: pytest.FixtureRequest) -> None:
    bundle: Bundle = request.getfixturevalue(name)
    view = viewed(bundle)
    assert view.lines is not None
    stored = json.loads(bundle.file(f"{FOLDER}/{view.lines.file}").read_text())
    assert stored == bundle.column("text")[order_of(bundle)].tolist()
    assert "text" not in [column.name for column in view.columns]
    bare = json.loads(make_site([bundle], api=False, thumbs=False).files["spaces/space/view.json"])  # type: ignore[arg-type]
    assert (bare["lines"], bare["inputs"]) == (None, None)
    assert view.lines.file not in bare["files"]


def test_symbols_of_lines_are_those_of_the_modality(lines: Bundle) -> None:
    view, modality = viewed(lines), lines.modality
    kind = view.modality
    assert isinstance(kind, TextKind)
    assert (len(kind.pieces), kind.pieces[0]) == (modality.data_shape[0], "")
    assert view.inputs is not None
    assert view.inputs.rows is None
    raw = read(lines, view.inputs.values)
    texts = lines.column("text")[order_of(lines)].tolist()
    assert np.array_equal(raw, modality.parse(texts))  # type: ignore[attr-defined]
    assert view.decoder is not None
    assert view.decoder.loop is not None
    assert view.decoder.loop.end == 0


def test_sentences_have_no_way_back(sentences: Bundle) -> None:
    view = viewed(sentences)
    assert isinstance(view.modality, SentenceKind)
    assert (view.decodes, view.decoder, view.encoder, view.inputs) == (False, None, None, None)
    assert viewed(sentences).bases[0].dimensions[0].effect is None
