"""Decoders and encoders of the spaces that a server offers, and what they take, as part of its description."""

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, invalid
from latentarium.explorer.api import EditAnswer, EditRequest
from latentarium.explorer.editing import FARTHEST, MOST_EDITED, Editor, Wanted, check_wanted, edit_requests
from latentarium.explorer.rows import Shown, row_order, shown_rows
from latentarium.explorer.together import Together

MOST_ROWS, MOST_VALUES = 256, 2**22
"""Rows of one request, and numbers of the rows that it may ask for as they were stored."""
LARGEST = 1e9
"""Numbers beyond this are no code and no row; squares of smaller ones, summed over a row, stay finite."""
AT_ONCE = 64
"""Rows that several requests share a call with; a space computes in batches of this length anyway."""
Rows = NDArray[np.float32]


class Networks:
    """Decoders and encoders of the served spaces."""

    def __init__(self, bundles: Mapping[str, Bundle]) -> None:
        self._bundles = bundles
        self._editors = {name: Editor(bundle) for name, bundle in bundles.items()}
        self._stored = {name: Stored(bundle) for name, bundle in bundles.items()}
        self._decoders = {name: Together(_decoder(bundle), most=AT_ONCE) for name, bundle in bundles.items()}
        self._encoders = {name: Together(_encoder(bundle), most=AT_ONCE) for name, bundle in bundles.items()}

    @property
    def widest(self) -> int:
        """Numbers in a row of the space that has most of them."""
        return max((max(_width(bundle), _values(bundle)) for bundle in self._bundles.values()), default=0)

    async def decode(self, space: str, z: list[list[float]]) -> Rows:
        """Data (n, values) of latent points (n, d)."""
        return await self._decoders[self._known(space)](_rows(z, _width(self._bundles[space]), "z"))

    async def encode(self, space: str, x: list[list[float]]) -> Rows:
        """Codes (n, d) of rows (n, values)."""
        return await self._encoders[self._known(space)](_rows(x, _values(self._bundles[space]), "x"))

    async def rows(self, space: str, places: list[float]) -> Rows | None:
        """Rows (n, values) by their places in the view; None where one of them is not at hand."""
        stored = self._stored[self._known(space)]
        numbers = _checked_places(places, count=len(stored.order), most=_most_places(self._bundles[space]))
        return await run_in_threadpool(stored.rows, numbers)

    async def edit(self, request: EditRequest) -> EditAnswer:
        """Codes with edits, and what these did besides; those of rows are in the view's order."""
        bundle = self._bundles[self._known(request.space)]
        if (request.rows is None) == (request.z is None):
            raise InvalidInput("an edit is of rows or of z, of one of the two")
        if request.rows is not None:
            order = self._stored[request.space].order
            codes = bundle.codes[order[_checked_places(request.rows, count=len(order), most=MOST_EDITED)]]
        else:
            codes = _rows(request.z or [], _width(bundle), "z", most=MOST_EDITED, largest=FARTHEST)
        check_wanted(request.set, request.slack)
        wanted = Wanted(changes=request.set, keep=request.keep, slack=request.slack)
        return await run_in_threadpool(self._editors[request.space].edit, codes, wanted)

    def _known(self, space: str) -> str:
        if space not in self._bundles:
            raise invalid("space", f"one of {', '.join(self._bundles)}", space)
        return space


class Stored:
    """The rows of a bundle in the order of its view, opened when they are first asked for."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._lock = bundle, threading.Lock()

    def rows(self, places: list[int]) -> Rows | None:
        """Those rows in array units, flat; None where one of them is not at hand."""
        with self._lock:
            shown = self._shown
            found = np.minimum(np.searchsorted(shown.places, places), len(shown.places) - 1)
            if not len(shown.places) or not np.array_equal(shown.places[found], places):
                return None
            return shown.array(self._bundle, found).reshape(len(places), -1)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Row of the bundle behind each row of its view."""
        return row_order(self._bundle.codes)

    @cached_property
    def _shown(self) -> Shown:
        return shown_rows(self._bundle, self.order)


def narrowed(schema: dict[str, Any], bundles: Mapping[str, Bundle]) -> None:
    """Say in an OpenAPI description which spaces there are, what each can do, and how many numbers a row has."""
    if not bundles:
        return
    decode, encode = _able(bundles, "decode"), _able(bundles, "encode")
    _offer(schema, "Decode", [_request(name, "z", _width(b), (None, None)) for name, b in decode.items()])
    within = {name: (bundle.modality.low, bundle.modality.high) for name, bundle in encode.items()}
    _offer(schema, "Encode", [_request(name, "x", _values(b), within[name]) for name, b in encode.items()])
    _offer(schema, "Rows", [_places(name, bundle) for name, bundle in bundles.items() if _count(bundle)])
    _offer(schema, "Edit", [one for name, b in decode.items() for one in edit_requests(name, b, _edited(b))])
    names = [folder.rpartition("/")[2] for folder in bundles]
    for verbs in schema["paths"].values():
        for parameter in verbs.get("get", {}).get("parameters", ()):
            parameter["schema"]["enum"] = names


def _able(bundles: Mapping[str, Bundle], capability: str) -> dict[str, Bundle]:
    return {name: bundle for name, bundle in bundles.items() if capability in bundle.space.capabilities}


def _offer(schema: dict[str, Any], verb: str, requests: list[dict[str, Any]]) -> None:
    """One of `requests` is what a verb takes; without any it is not offered."""
    models, name = schema["components"]["schemas"], f"{verb}Request"
    if requests:
        models[name] = {"description": models[name]["description"], "oneOf": requests}
    else:
        del schema["paths"][f"/api/{verb.lower()}"], models[name]


def _count(bundle: Bundle) -> int:
    return int(np.isfinite(bundle.codes).all(1).sum())


def _most_places(bundle: Bundle) -> int:
    return max(1, min(MOST_ROWS, MOST_VALUES // _values(bundle)))


def _checked_places(places: list[float], *, count: int, most: int) -> list[int]:
    if not 1 <= len(places) <= most:
        raise invalid("rows", f"from 1 to {most} places", len(places))
    wrong = [place for place in places if place != place // 1 or not 0 <= place < count]
    if wrong:
        raise invalid("rows", f"whole numbers from 0 to {count - 1}", wrong[0])
    return [int(place) for place in places]


def _places(folder: str, bundle: Bundle) -> dict[str, Any]:
    return _asked(folder, "rows", _list_of(_place(bundle), _most_places(bundle)))


def _place(bundle: Bundle) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": _count(bundle) - 1}


def _request(folder: str, name: str, width: int, within: tuple[float | None, float | None]) -> dict[str, Any]:
    low, high = within
    least, most = -LARGEST if low is None else low, LARGEST if high is None else high
    return _asked(folder, name, _list_of(_row(width, least, most), MOST_ROWS))


def _row(width: int, low: float, high: float) -> dict[str, Any]:
    number = {"type": "number", "minimum": low, "maximum": high}
    return {"type": "array", "items": number, "minItems": width, "maxItems": width}


def _list_of(one: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": one, "minItems": 1, "maxItems": most}


def _edited(bundle: Bundle) -> list[dict[str, Any]]:
    """Rows, or codes, of one edit."""
    codes = {"z": _list_of(_row(_width(bundle), -FARTHEST, FARTHEST), MOST_EDITED)}
    return [{"rows": _list_of(_place(bundle), MOST_EDITED)}, codes] if _count(bundle) else [codes]


def _asked(folder: str, name: str, rows: dict[str, Any]) -> dict[str, Any]:
    space = {"type": "string", "const": folder}
    return {
        "type": "object",
        "properties": {"space": space, name: rows},
        "required": ["space", name],
        "additionalProperties": False,
    }


def _decoder(bundle: Bundle) -> Callable[[Rows], Rows]:
    # the network is loaded when it is first asked for
    def decode(z: Rows) -> Rows:
        space = bundle.space
        return _finite(space.decode(z.reshape(-1, *space.shape)).reshape(len(z), -1), "z")

    return decode


def _encoder(bundle: Bundle) -> Callable[[Rows], Rows]:
    def encode(x: Rows) -> Rows:
        space = bundle.space
        return _finite(space.encode(x.reshape(-1, *space.data_shape)).reshape(len(x), -1), "x")

    return encode


def _finite(found: Rows, name: str) -> Rows:
    if not np.isfinite(found).all():
        raise InvalidInput(f"{name} lies so far out that the network gives no finite numbers; come closer to the data")
    return found


def _width(bundle: Bundle) -> int:
    return int(np.prod(bundle.manifest["shape"]))


def _values(bundle: Bundle) -> int:
    return int(np.prod(bundle.modality.data_shape))


def _rows(values: list[list[float]], width: int, name: str, *, most: int = MOST_ROWS, largest: float = LARGEST) -> Rows:
    if not 1 <= len(values) <= most:
        raise invalid(name, f"from 1 to {most} rows", len(values))
    if {len(row) for row in values} != {width}:
        raise invalid(name, f"rows of {width} numbers", f"rows of {sorted({len(row) for row in values})[:4]}")
    rows = np.asarray(values, np.float64)
    if not (np.abs(rows) <= largest).all():
        raise invalid(name, f"finite numbers within {largest:g}", f"up to {np.abs(rows).max():g}")
    return rows.astype(np.float32)
