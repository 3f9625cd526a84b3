import errno
import hashlib
import io
import socket
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest

from cnndsl import downloads
from cnndsl.data import builtin, cifar
from cnndsl.data.opening import open_data
from cnndsl.data.places import data_folders, unpack_members
from cnndsl.diagnostics import UsageError
from cnndsl.downloads import Download, fetch
from tests.data.making import mnist_folder, noise
from tests.support.command_line import cnndsl

CONTENT = bytes(range(256)) * 3000


class Files(BaseHTTPRequestHandler):
    contents: dict[str, bytes] = {}
    asked: list[str] = []
    stop = Event()

    def drip(self) -> None:
        """A byte now and then: of the content, or of a header."""
        if self.path == "/drip":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
        while not self.stop.wait(0.05):
            self.wfile.write(b"H")
            self.wfile.flush()

    def do_GET(self) -> None:
        content = self.contents.get(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            return self.end_headers()
        if self.path == "/busy":
            self.asked.append(self.path)
            if len(self.asked) < 2:
                self.send_response(503)
                return self.end_headers()
            content = CONTENT
        if self.path.startswith("/drip"):
            return self.drip()
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write((content or b"")[: None if self.path != "/cut" else 1000])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Files.contents = {
        "/a": CONTENT,
        "/cut": CONTENT,
        "/other": CONTENT[:-1] + b"x",
        "/long": CONTENT * 2,
    }
    Files.asked.clear()
    Files.stop.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as httpd:
        thread = Thread(target=httpd.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        Files.stop.set()
        httpd.shutdown()
        thread.join()


def wanted(*addresses: str) -> Download:
    return Download("a.bin", addresses, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_a_file_is_downloaded_once(tmp_path: Path, server: str) -> None:
    seen: list[tuple[str, int, int]] = []
    path = fetch(wanted(f"{server}/a"), tmp_path / "new", lambda *said: seen.append(said))
    assert path == tmp_path / "new" / "a.bin" and path.read_bytes() == CONTENT
    assert seen[-1] == ("a.bin", len(CONTENT), len(CONTENT))
    Files.contents = {}
    assert fetch(wanted(f"{server}/a"), tmp_path / "new") == path


def test_addresses_are_tried_in_turn(tmp_path: Path, server: str) -> None:
    download = wanted("http://127.0.0.1:1/a", f"{server}/missing", f"{server}/a")
    assert fetch(download, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "127.0.0.1: Not Found"),
        ("other", "127.0.0.1: its SHA-256 is another than the known one"),
        ("long", "127.0.0.1: it is not the 768,000 bytes that are wanted"),
        ("cut", "127.0.0.1: it broke off"),
        ("moved", "127.0.0.1: .*"),
    ],
)
def test_what_is_not_the_file_leaves_no_trace(
    tmp_path: Path, server: str, name: str, message: str
) -> None:
    with pytest.raises(UsageError, match=rf"`a.bin` can't be downloaded \({message}\)"):
        fetch(wanted(f"{server}/{name}"), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["drip", "drip-headers"])
def test_a_byte_now_and_then_ends(
    tmp_path: Path, server: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "WINDOW", 0.5)
    began = monotonic()
    with pytest.raises(UsageError, match=r"only \d+ bytes came within 0.5 seconds"):
        fetch(wanted(f"{server}/{name}"), tmp_path)
    assert monotonic() - began < 5
    assert not list(tmp_path.iterdir())


def test_a_server_that_says_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with pytest.raises(UsageError, match=r"127.0.0.1: no answer within 0.3 seconds"):
            fetch(wanted(address), tmp_path)


def test_a_busy_server_is_asked_once_more(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "PAUSE", 0.01)
    assert fetch(wanted(f"{server}/busy"), tmp_path).read_bytes() == CONTENT
    assert len(Files.asked) == 2


def test_a_full_disk_is_no_fault_of_the_server(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*said: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        fetch(wanted(f"{server}/a"), tmp_path, full)
    assert caught.value.filename == str(tmp_path / "a.bin")
    assert not list(tmp_path.iterdir())


def archive(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            file.addfile(member)
    return path


def test_only_known_members_are_unpacked(tmp_path: Path) -> None:
    members = {"in/a": b"12345", "../out": b"evil", "/etc/evil": b"evil", "in/b": b"123"}
    path = archive(tmp_path / "a.tgz", members, {"in/c": "/etc"})
    folder = tmp_path / "folder"
    folder.mkdir()
    unpack_members(path, {"in/a": 5, "in/b": 3}, folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"a": b"12345", "b": b"123"}
    assert {p.name for p in tmp_path.iterdir()} == {"a.tgz", "folder"}


@pytest.mark.parametrize("wanted", [{"in/a": 6}, {"in/c": 0}, {"missing": 3}])
def test_members_have_their_size_and_are_files(tmp_path: Path, wanted: dict[str, int]) -> None:
    path = archive(tmp_path / "a.tgz", {"in/a": b"12345"}, {"in/c": "/etc/passwd"})
    with pytest.raises(UsageError, match=f"lacks {next(iter(wanted))}"):
        unpack_members(path, wanted, tmp_path)


def test_damaged_archives_are_said(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tgz", {"in/a": noise(9000).tobytes()})
    content = path.read_bytes()
    for damaged in (b"hello", content[:3000], content[:2000] + b"\xff" * 50 + content[2050:]):
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"no sound archive|lacks in/a"):
            unpack_members(path, {"in/a": 9000}, tmp_path)


def test_folders_are_looked_at_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNDSL_DATA", "~/data")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    cache = Path("/home/me/.cache/cnndsl/data")
    assert data_folders(tmp_path) == [tmp_path, Path("/home/me/data"), cache]


def test_without_a_home_folders_are_named(
    tmp_path: Path, homeless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CNNDSL_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    mnist_folder(tmp_path / "mnist")
    assert (
        "10 test pictures" in cnndsl("data", "check", "mnist", "--data-dir", str(tmp_path)).stdout
    )
    for arguments in (("data", "check", "mnist"), ("weights", "fetch")):
        assert "there is no home folder" in cnndsl(*arguments, code=1).stderr


def test_a_data_set_is_fetched_and_opened(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CNNDSL_DATA", raising=False)
    downloads: list[Download] = []
    for path in mnist_folder(tmp_path / "source").iterdir():
        content = path.read_bytes()
        Files.contents[f"/{path.name}"] = content
        digest = hashlib.sha256(content).hexdigest()
        downloads.append(Download(path.name, (f"{server}/{path.name}",), len(content), digest))
    mnist = builtin.Builtin(tuple("abcde"), False, "", tuple(downloads))
    monkeypatch.setitem(builtin.BUILTINS, "mnist", mnist)
    data = open_data("mnist", data_dir=tmp_path / "cache")
    assert data.labels == tuple("abcde") and len(data["test"]) == 10
    # What a broken off download left is completed, and what the user put there is kept
    kept = tmp_path / "cache" / "mnist" / "train-images-idx3-ubyte.gz"
    stamp = kept.stat().st_mtime_ns
    (tmp_path / "cache" / "mnist" / "t10k-images-idx3-ubyte.gz").unlink()
    assert len(open_data("mnist", data_dir=tmp_path / "cache")["test"]) == 10
    assert kept.stat().st_mtime_ns == stamp
    Files.contents = {}
    assert len(open_data("mnist", data_dir=tmp_path / "cache")["test"]) == 10


def test_cifar_is_fetched_unpacked_and_opened(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CNNDSL_DATA", raising=False)
    monkeypatch.setattr(cifar, "RECORD", 4)
    monkeypatch.setattr(cifar, "SHAPE", (3, 1, 1))
    members = {f"cifar-10-batches-bin/{name}": bytes(40_000) for name in cifar.FILES}
    content = archive(tmp_path / "c.tgz", {"readme": b"hi", **members}).read_bytes()
    Files.contents["/c"] = content
    download = Download(
        "c.tgz", (f"{server}/c",), len(content), hashlib.sha256(content).hexdigest()
    )
    things = builtin.Builtin(builtin.BUILTINS["cifar10"].labels, True, "", (download,))
    monkeypatch.setitem(builtin.BUILTINS, "cifar10", things)
    data = open_data("cifar10", data_dir=tmp_path, validation=0)
    assert len(data.train) == 50_000 and len(data["test"]) == 10_000
    folder = tmp_path / "cifar10"
    assert {path.name for path in folder.iterdir()} == set(cifar.FILES)
    # A file that is missing, and an archive that the user brought
    (folder / "data_batch_3.bin").unlink()
    (folder / "c.tgz").write_bytes(content)
    Files.contents = {}
    assert len(open_data("cifar10", data_dir=tmp_path, validation=0).train) == 50_000
    assert (folder / "c.tgz").is_file()
