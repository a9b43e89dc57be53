"""Requests made up from the server's own description: valid ones are answered, others refused, none breaks it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.explorer.conftest import Server

from latentarium.bundle import Bundle
from latentarium.explorer.site import make_site

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("page")]


def test_schemathesis_finds_nothing(serve: Callable[..., Server], table: Bundle, tmp_path: Path) -> None:
    address = serve(make_site([table], api=True)).address
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/openapi.json", "--checks", "all",
        "--seed", "0", "--max-examples", "20", "--request-timeout", "60", "--phases", "coverage,fuzzing",
        "--no-color",
    ]  # fmt: skip
    told = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, timeout=300, env={**os.environ, "NO_COLOR": "1"}
    )
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
    assert "Operations:       7 selected / 7 total" in told.stdout


def test_the_description_names_each_space_and_the_length_of_its_rows(
    serve: Callable[..., Server], table: Bundle, fashion: Bundle
) -> None:
    server = serve(make_site([fashion, table], api=True))
    models = json.loads(server.ask("/api/openapi.json").body)["components"]["schemas"]
    widths = {
        one["properties"]["space"]["const"]: one["properties"]["z"]["items"]["minItems"]
        for one in models["DecodeRequest"]["oneOf"]
    }
    assert widths == {"spaces/fashion": 16, "spaces/people": 2}
    clothes = models["EncodeRequest"]["oneOf"][0]["properties"]["x"]["items"]
    edits = models["EditRequest"]["oneOf"]
    assert [one["required"][-1] for one in edits] == ["rows", "z"] * 2
    changes = edits[0]["properties"]["set"]["properties"]
    assert set(changes["label"]["enum"]) == {name.removeprefix("label=") for name in changes if name != "label"}
    assert edits[0]["properties"]["keep"]["items"]["enum"] == sorted(set(changes) - {"label"})
    assert (clothes["maxItems"], clothes["items"]["minimum"], clothes["items"]["maximum"]) == (784, 0.0, 1.0)


def test_what_no_space_can_do_is_not_offered(
    serve: Callable[..., Server], generator: Bundle, sentences: Bundle
) -> None:
    description = json.loads(serve(make_site([generator], api=True)).ask("/api/openapi.json").body)
    assert {"/api/encode", "/api/edit"}.isdisjoint(description["paths"]), "nor has it labels"
    server = serve(make_site([generator, sentences], api=True))
    models = json.loads(server.ask("/api/openapi.json").body)["components"]["schemas"]
    spaces = [
        [one["properties"]["space"]["const"] for one in models[name]["oneOf"]]
        for name in ("DecodeRequest", "EncodeRequest")
    ]
    assert spaces == [["spaces/drawn"], ["spaces/space"]]
    refused = server.ask("/api/encode", {"space": "spaces/drawn", "x": [[0.0] * 192]})
    assert (refused.status, "cannot encode" in refused.error) == (400, True)
