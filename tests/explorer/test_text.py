"""Sentences in a view: what they say, and that only their vectors are known."""

import json

from tests.explorer.test_view import order_of, viewed

from latentarium.bundle import Bundle
from latentarium.explorer.cache import FOLDER
from latentarium.explorer.site import make_site
from latentarium.explorer.wire import SentenceKind


def test_rows_are_shown_by_what_they_say(sentences: Bundle) -> None:
    bundle, view = sentences, viewed(sentences)
    assert view.lines is not None
    stored = json.loads(bundle.file(f"{FOLDER}/{view.lines.file}").read_text())
    assert stored == bundle.column("text")[order_of(bundle)].tolist()
    assert "text" not in [column.name for column in view.columns]
    bare = json.loads(make_site([bundle], api=False, thumbs=False).files["spaces/space/view.json"])  # type: ignore[arg-type]
    assert (bare["lines"], bare["inputs"]) == (None, None)
    assert view.lines.file not in bare["files"]


def test_sentences_have_no_way_back(sentences: Bundle) -> None:
    view = viewed(sentences)
    assert isinstance(view.modality, SentenceKind)
    assert (view.decodes, view.decoder, view.encoder, view.inputs) == (False, None, None, None)
    assert viewed(sentences).bases[0].dimensions[0].effect is None
