"""Known weights come from their address as they are known, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main
from cnndsl.diagnostics import UsageError
from cnndsl.specs import load
from cnndsl.weights import known
from cnndsl.weights.fetch import fetch_weights, find_known, open_weights
from cnndsl.weights.known import known_weights
from tests.weights.mapped import values

NAME = "resnet18"


class Server(BaseHTTPRequestHandler):
    content = b""
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"ftp://127.0.0.1{self.path.removeprefix('/moved')}")
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: 1000 if self.path.startswith("/cut/") else None])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of one small file; the table of known weights says that it has it."""
    arrays = values(load("lenet5")[0])
    np.savez(tmp_path / "small.npz", **arrays)
    Server.content, Server.asked = (tmp_path / "small.npz").read_bytes(), 0
    digits = hashlib.sha256(Server.content).hexdigest()[:8]
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        known_here(monkeypatch, f"{base}/a/", digits)
        monkeypatch.setenv("CNNDSL_WEIGHTS", str(tmp_path / "cache"))
        yield base
        server.shutdown()
        thread.join()


def known_here(monkeypatch: pytest.MonkeyPatch, address: str, digits: str = "") -> None:
    """Let the known weights be a file called small-DIGITS.npz at that address."""
    row = known_weights()[NAME]
    digits = digits or row.download.sha256
    name, most = f"small-{digits}.npz", len(Server.content) + 1000
    scheme = address.partition(":")[0]
    download = replace(
        row.download, name=name, addresses=(f"{address}{name}",), bytes=most, sha256=digits,
        scheme=scheme,
    )  # fmt: skip
    table = {NAME: replace(row, download=download)}
    for place in ("cnndsl.weights.fetch.known_weights", "cnndsl.weights.known.known_weights"):
        monkeypatch.setattr(place, lambda: table)


def cnndsl(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_weights_are_downloaded_once_and_looked_at_each_time(address: str, tmp_path: Path) -> None:
    first = cnndsl("weights", "fetch", NAME)
    path = Path(first.stdout.strip())
    assert path.parent == tmp_path / "cache" and path.read_bytes() == Server.content
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}.sha256"]
    assert cnndsl("weights", "fetch", NAME).stdout == first.stdout
    assert Server.asked == 1
    assert "here" in cnndsl("weights", "fetch").stdout
    path.write_bytes(Server.content[:-1] + b"x")
    result = cnndsl("weights", "fetch", NAME)
    assert result.exit_code == 1 and "delete it, and it is fetched anew" in result.stderr
    assert Server.asked == 1
    path.unlink()
    assert cnndsl("weights", "fetch", NAME).exit_code == 0


def test_a_file_with_the_same_first_digits_is_another_one(address: str) -> None:
    """Eight digits are known beforehand, all from the first time on."""
    path = fetch_weights(find_known(NAME))
    pin = path.with_name(f"{path.name}.sha256")
    pin.write_text(f"{pin.read_text()[:8]}{'0' * 56}\n")
    with pytest.raises(UsageError, match="never was, the file that is known"):
        fetch_weights(find_known(NAME))


def test_a_name_brings_preprocessing_and_labels(address: str, tmp_path: Path) -> None:
    file = open_weights(NAME)
    assert file.preprocessing is not None and file.preprocessing.resize == 256
    assert file.labels is not None and len(file.labels) == 1000
    result = cnndsl("compile", "lenet5", "--weights", NAME, "-o", tmp_path / "m.onnx")
    assert result.exit_code == 0
    assert "10 exact" in result.stderr


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("/a/", b"another", "its SHA-256 is another than the known one"),
        ("/a/", b"x" * 1_000_000, "it is not the at most .* bytes that are wanted"),
        ("/cut/", None, ".*"),
        ("/moved/", None, ".* is no http address"),
    ],
)
def test_what_is_not_the_file_leaves_no_trace(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    content: bytes | None,
    reason: str,
) -> None:
    digits = hashlib.sha256(Server.content).hexdigest()[:8]
    known_here(monkeypatch, f"{address}{path}", digits)
    Server.content = Server.content if content is None else content
    with pytest.raises(UsageError, match=rf"can't be downloaded \(127\.0\.0\.1: {reason}\)"):
        fetch_weights(find_known(NAME))
    assert not list((tmp_path / "cache").iterdir())


def test_https_is_not_left(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of another scheme isn't even asked."""
    table = known.known_weights()
    download = replace(table[NAME].download, scheme="https")
    with pytest.raises(UsageError, match="is no https address"):
        fetch_weights(replace(table[NAME], download=download))
    assert Server.asked == 0


def test_without_a_network_a_sentence_says_what_to_do(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_here(monkeypatch, "http://127.0.0.1:1/")
    result = cnndsl("weights", "fetch", NAME)
    assert result.exit_code == 1
    assert "a machine without a network takes the file from http://127.0.0.1:1/" in result.stderr
    assert f"put it into `{tmp_path / 'cache'}`" in result.stderr


def test_names_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="did you mean `resnet18`"):
        find_known("resnet19")


def test_the_table_is_whole() -> None:
    """Every file's name ends in the digits that are compared, and every net is in the zoo."""
    for row in known_weights().values():
        download = row.download
        assert len(download.sha256) == 8 and int(download.sha256, 16)
        assert download.addresses == (f"https://download.pytorch.org/models/{download.name}",)
        assert download.scheme == "https"
        assert load(row.net)[0].name
        assert row.preprocessing.resize and 50 < row.top1 < 90
