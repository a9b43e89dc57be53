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
        bundle = self._bundles[self._known(space)]
        most = _most_places(bundle)
        if not 1 <= len(places) <= most:
            raise invalid("rows", f"from 1 to {most} places", len(places))
        count = _count(bundle)
        wrong = [place for place in places if place != place // 1 or not 0 <= place < count]
        if wrong:
            raise invalid("rows", f"whole numbers from 0 to {count - 1}", wrong[0])
        return await run_in_threadpool(self._stored[space].rows, [int(place) for place in places])

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
    def _shown(self) -> Shown:
        return shown_rows(self._bundle, row_order(self._bundle.codes))


def narrowed(schema: dict[str, Any], bundles: Mapping[str, Bundle]) -> None:
    """Say in an OpenAPI description which spaces there are, what each can do, and how many numbers a row has."""
    if not bundles:
        return
    decode, encode = _able(bundles, "decode"), _able(bundles, "encode")
    _offer(schema, "Decode", [_request(name, "z", _width(b), (None, None)) for name, b in decode.items()])
    within = {name: (bundle.modality.low, bundle.modality.high) for name, bundle in encode.items()}
    _offer(schema, "Encode", [_request(name, "x", _values(b), within[name]) for name, b in encode.items()])
    _offer(schema, "Rows", [_places(name, bundle) for name, bundle in bundles.items() if _count(bundle)])
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


def _places(folder: str, bundle: Bundle) -> dict[str, Any]:
    place = {"type": "integer", "minimum": 0, "maximum": _count(bundle) - 1}
    return _asked(folder, "rows", {"type": "array", "items": place, "minItems": 1, "maxItems": _most_places(bundle)})


def _request(folder: str, name: str, width: int, within: tuple[float | None, float | None]) -> dict[str, Any]:
    low, high = within
    number = {
        "type": "number",
        "minimum": -LARGEST if low is None else low,
        "maximum": LARGEST if high is None else high,
    }
    row = {"type": "array", "items": number, "minItems": width, "maxItems": width}
    return _asked(folder, name, {"type": "array", "items": row, "minItems": 1, "maxItems": MOST_ROWS})


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


def _rows(values: list[list[float]], width: int, name: str) -> Rows:
    if not 1 <= len(values) <= MOST_ROWS:
        raise invalid(name, f"from 1 to {MOST_ROWS} rows", len(values))
    if {len(row) for row in values} != {width}:
        raise invalid(name, f"rows of {width} numbers", f"rows of {sorted({len(row) for row in values})[:4]}")
    rows = np.asarray(values, np.float64)
    if not (np.abs(rows) <= LARGEST).all():
        raise invalid(name, f"finite numbers within {LARGEST:g}", f"up to {np.abs(rows).max():g}")
    return rows.astype(np.float32)
