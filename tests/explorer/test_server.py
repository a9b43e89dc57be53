"""The server decodes and encodes as the space does, and refuses in one shape what it must not do."""

import http.client
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.explorer.conftest import Server

from latentarium.applications.editing import directions_of, edit_rows
from latentarium.bundle import Bundle, open_bundle
from latentarium.errors import InvalidInput
from latentarium.explorer.guard import MOST_BYTES, most_bytes
from latentarium.explorer.served import MOST_ROWS
from latentarium.explorer.server import PORT, listen
from latentarium.explorer.site import make_site

SPACE = "spaces/fashion"
Serve = Callable[..., Server]


def test_it_decodes_as_the_space_does(served: Server, fashion: Bundle) -> None:
    z = fashion.codes[:3]
    answer = served.ask("/api/decode", {"space": SPACE, "z": z.tolist()})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    x = np.frombuffer(answer.body, "<f4").reshape(3, *fashion.space.data_shape)
    assert np.array_equal(x, fashion.space.decode(z))


def test_it_encodes_as_the_space_does(served: Server, fashion: Bundle) -> None:
    x = fashion.modality.to_array(fashion.kept[:2])
    answer = served.ask("/api/encode", {"space": SPACE, "x": x.reshape(2, -1).tolist()})
    assert answer.status == 200
    assert np.allclose(json.loads(answer.body)["z"], fashion.space.encode(x), atol=1e-6)


def test_it_gives_the_rows_behind_the_view(served: Server, fashion: Bundle, generator: Bundle, serve: Serve) -> None:
    ids = json.loads(served.ask(f"/{SPACE}/ids.json").body)
    places = [3, 499, 3]
    answer = served.ask("/api/rows", {"space": SPACE, "rows": places})
    numbers = [list(fashion.ids).index(ids[place]) for place in places]
    kept = fashion.kept[np.searchsorted(fashion.kept_rows, numbers)]
    assert np.array_equal(np.frombuffer(answer.body, "<f4").reshape(3, 1, 28, 28), fashion.modality.to_array(kept))
    for rows, words in (
        ([], "from 1 to 256 places"),
        ([500], "whole numbers from 0 to 499"),
        ([-1], "got -1"),
        ([0.5], "got 0.5"),
    ):
        refused = served.ask("/api/rows", {"space": SPACE, "rows": rows})
        assert (refused.status, words in refused.error) == (400, True), refused.error
    assert served.ask("/api/rows", {"space": SPACE, "rows": ["1"]}).status == 422
    # of a decoder's own draws some are kept
    other = serve(make_site([generator], api=True))
    found = [other.ask("/api/rows", {"space": "spaces/drawn", "rows": [place]}) for place in range(40)]
    assert {answer.status for answer in found} == {200, 404}
    missing = next(answer for answer in found if answer.status == 404)
    assert "not kept in the bundle" in missing.error


def test_it_edits_as_the_command_line_does(served: Server, fashion: Bundle) -> None:
    directions = directions_of(fashion)
    wanted = {"label=Bag": 4.0, "label=Coat": -1.5}
    keep, codes = ["label=Dress", "label=Trouser"], fashion.codes[:2]
    body = {"space": SPACE, "z": codes.tolist(), "set": wanted, "keep": keep, "slack": 0.1}
    answer = json.loads(served.ask("/api/edit", body).body)
    expected = edit_rows(fashion.space, directions, codes, wanted, keep=keep, slack=0.1, steps=1)
    assert np.allclose(answer["z"], expected.codes[:, -1], atol=1e-6)
    assert answer["leakage"] == pytest.approx(expected.leakage)
    assert np.allclose(answer["typicality"], expected.typicality)
    roles = {effect["name"]: effect["role"] for effect in answer["attributes"]}
    assert [name for name, role in roles.items() if role == "set"] == list(wanted)
    assert {name for name, role in roles.items() if role == "kept"} == set(keep)
    # rows are those of the view, and a column takes another value
    ids = json.loads(served.ask(f"/{SPACE}/ids.json").body)
    answer = json.loads(served.ask("/api/edit", {"space": SPACE, "rows": [7], "set": {"label": "Bag"}}).body)
    code = fashion.codes[[list(fashion.ids).index(ids[7])]]
    assert np.allclose(answer["z"], directions.switch(code, {"label": "Bag"}), atol=1e-5)


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"set": {"label=Hat": 1.0}}, 404, "an attribute must be one of label=Ankle boot"),
        ({"set": {"label": "Hat"}}, 404, "label=Hat"),
        ({"set": {"label=Bag": 1.0}, "keep": ["nothing"]}, 404, "nothing"),
        ({"set": {}}, 400, "at least one attribute"),
        ({"set": {"label=Bag": 101}}, 400, "within 100"),
        ({"set": {"label=Bag": True}}, 422, "set"),
        ({"set": {"label=Bag": 1.0}, "slack": 1.0}, 400, "slack"),
        ({"set": {"label=Bag": 1.0}, "z": [[0.0] * 16]}, 400, "one of the two"),
        ({"set": {"label=Bag": 1.0}, "rows": [0] * 33}, 400, "from 1 to 32 places"),
        ({"set": {"label=Bag": 1.0}, "rows": [500]}, 400, "whole numbers from 0 to 499"),
    ],
)
def test_edits_that_cannot_be_are_refused(served: Server, more: dict[str, object], status: int, words: str) -> None:
    answer = served.ask("/api/edit", {"space": SPACE, "rows": [0], **more})
    assert (answer.status, words in answer.error) == (status, True), answer.error


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"space": "spaces/none", "z": [[0.0] * 16]}, 400, "space must be one of spaces/fashion"),
        ({"space": SPACE, "z": []}, 400, f"z must be from 1 to {MOST_ROWS} rows"),
        ({"space": SPACE, "z": [[0.0] * 16] * (MOST_ROWS + 1)}, 400, "got 257"),
        ({"space": SPACE, "z": [[0.0, 1.0]]}, 400, "rows of 16 numbers"),
        ({"space": SPACE, "z": [[0.0] * 15 + [1e400]]}, 400, "finite"),
        ({"space": SPACE, "z": [[0.0] * 15 + [1e39]]}, 400, "finite"),
        ({"space": SPACE, "z": [[0.0] * 15 + [2e9]]}, 400, "within 1e+09"),
        ({"space": SPACE, "z": "abc"}, 422, "z"),
        ({"space": SPACE, "z": [["0.0"] * 16]}, 422, "number"),
        ({"space": SPACE, "z": [[True] * 16]}, 422, "number"),
        ({"space": SPACE}, 422, "z"),
        ({"space": SPACE, "z": [[0.0] * 16], "more": 1}, 422, "more"),
        (b"{", 422, "JSON"),
        (b"\xff\xfe", 422, ""),
    ],
)
def test_bad_requests_get_one_line(served: Server, body: object, status: int, words: str) -> None:
    answer = served.ask("/api/decode", body)
    assert answer.status == status
    assert words in answer.error
    assert "\n" not in answer.error


def test_values_out_of_range_are_named(served: Server) -> None:
    answer = served.ask("/api/encode", {"space": SPACE, "x": [[7.0] * 784]})
    assert (answer.status, "within [0.0, 1.0]" in answer.error) == (400, True)


def test_edits_that_contradict_each_other_are_refused(serve: Serve, table: Bundle) -> None:
    body = {"space": "spaces/people", "rows": [0], "set": {"label=a": 1.0}, "keep": ["label=b"]}
    answer = serve(make_site([table], api=True)).ask("/api/edit", body)
    assert (answer.status, "cannot be changed while label=b stay" in answer.error) == (409, True)


def test_unknown_paths_and_methods_have_the_same_shape(served: Server) -> None:
    assert "there is no 'nothing'" in served.ask("/nothing").error
    for path, method, allowed in (("/api/decode", "GET", "POST"), ("/host.json", "DELETE", "GET")):
        answer = served.ask(path, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
        assert answer.error


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_a_body_that_says_it_is_something_else_is_refused(served: Server, kind: str) -> None:
    answer = served.ask("/api/decode", {"space": SPACE, "z": [[0.0] * 16]}, content_type=kind)
    assert (answer.status, "application/json" in answer.error) == (415, True)


def test_a_file_that_goes_while_it_is_served_is_named(serve: Callable[..., Server], copy: Path) -> None:
    server = serve(make_site([open_bundle(copy)], api=True))
    (copy / "explorer" / "latent.u16").unlink()
    answer = server.ask("/spaces/copy/latent.u16")
    assert (answer.status, "latent.u16 was here and is gone" in answer.error) == (404, True)


def test_many_at_once_get_what_they_asked_for(served: Server, fashion: Bundle) -> None:
    points = np.split(fashion.codes[:64], 32)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda z: served.ask("/api/decode", {"space": SPACE, "z": z.tolist()}), points))
    for z, answer in zip(points, answers, strict=True):
        assert np.array_equal(np.frombuffer(answer.body, "<f4").reshape(2, 1, 28, 28), fashion.space.decode(z))


def test_other_hosts_and_pages_of_other_origins_are_refused(served: Server) -> None:
    body = {"space": SPACE, "z": [[0.0] * 16]}
    assert served.ask("/api/decode", body, Host="rebound.example:80").status == 421
    assert served.ask("/", Host=f"127.0.0.1.example:{served.port}").status == 421
    assert served.ask("/", Host=f"localhost:{served.port + 1}").status == 421
    refused = served.ask("/api/decode", body, Origin="https://elsewhere.example")
    assert (refused.status, "another origin" in refused.error) == (403, True)
    assert served.ask("/api/decode", body, Origin="null").status == 403
    assert served.ask("/api/decode", body, Origin=served.address).status == 200
    assert served.ask("/host.json", Host=f"localhost:{served.port}").status == 200


def refusal(port: int, length: int) -> int:
    """Status of the answer to a body that says it is so long, and does not come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("POST", "/api/decode")
    connection.putheader("content-length", str(length))
    connection.endheaders()
    answer = connection.getresponse()
    assert json.loads(answer.read())["error"]["status"] == answer.status
    connection.close()
    return answer.status


def test_bodies_over_the_limit_are_refused_stated_or_not(served: Server) -> None:
    assert refusal(served.port, MOST_BYTES + 1) == 413
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    pieces = (b" " * 65536 for _ in range(MOST_BYTES // 65536 + 2))
    connection.request("POST", "/api/decode", pieces, {"content-type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["status"]) == (413, 413)
    connection.close()


def test_a_row_of_the_largest_space_is_no_body_too_large(serve: Callable[..., Server], large: Bundle) -> None:
    server = serve(make_site([large], api=True))
    x = np.random.default_rng(0).uniform(size=large.modality.data_shape).astype(np.float32)[None]
    body = json.dumps({"space": "spaces/large", "x": x.reshape(1, -1).tolist()}).encode()
    assert len(body) > MOST_BYTES
    answer = server.ask("/api/encode", body)
    assert answer.status == 200
    assert np.allclose(json.loads(answer.body)["z"], large.space.encode(x), atol=1e-4)
    assert refusal(server.port, 24 * x.size + 2048) == 413
    assert most_bytes(10) == MOST_BYTES
    assert most_bytes(10**9) == 64 * 2**20


def test_every_answer_keeps_the_page_to_itself(served: Server) -> None:
    for path in ("/", "/host.json", "/nothing"):
        headers = served.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "'unsafe-eval'" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_hashed_files_are_kept_and_others_asked_for_again(served: Server) -> None:
    hashed = next(name for name in served.site.files if name.startswith("assets/"))
    assert "immutable" in served.ask(f"/{hashed}").headers["cache-control"]
    assert served.ask("/spaces/fashion/view.json").headers["cache-control"] == "no-cache"
    assert served.ask("/").headers["content-type"].startswith("text/html")
    assert served.ask("/", method="HEAD").body == b""


def test_the_usual_port_or_any_that_is_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"--port must be one that is free, got {number}"):
            listen(number)
    with listen(None) as first, listen(None) as second:
        assert first.getsockname()[0] == "127.0.0.1"
        assert second.getsockname()[1] != first.getsockname()[1]
        assert second.getsockname()[1] != PORT


def test_explore_says_where_it_is_and_ends_with_ctrl_c(fashion: Bundle, tmp_path: Path) -> None:
    import signal

    command = [sys.executable, "-m", "latentarium", "explore", str(fashion.path), "--no-browser", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with urllib.request.urlopen(told["address"], timeout=60) as answer:
            assert b"Latentarium" in answer.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert err.splitlines()[-1] == "stopped"
    assert "Traceback" not in err
