"""A backup as files: what was done to it is noticed before anything of it is used (K9)."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mail2fax.archive import MANIFEST, BadArchive, Manifest, unpack, writer

FILES = {"ledger.sqlite3": b"ledger", "mails/01A.eml": b"mail" * 500_000,
         "documents/01A/1-a b.pdf": b"%PDF"}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Something to back up."""
    for name, data in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "root"


@pytest.fixture(params=["backup", "backup.tar"])
def made(request: pytest.FixtureRequest, tmp_path: Path, root: Path) -> Path:
    """A backup, in both forms."""
    target = tmp_path / str(request.param)
    with writer(target) as one:
        one.add_all(root, Manifest("mail2fax", 7.0))
    return target


def test_what_was_packed_comes_out(made: Path, tmp_path: Path) -> None:
    """K9: every byte, for the owner's eyes only."""
    manifest = unpack(made, tmp_path / "out")

    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert (manifest.made_by, manifest.at, manifest.size) == (
        "mail2fax", 7.0, sum(map(len, FILES.values())),
    )  # fmt: skip
    assert unpack(made, None).files == manifest.files
    assert made.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "out").rglob("*"))


def test_what_is_there_is_not_overwritten(made: Path) -> None:
    """K9: the last good backup stays."""
    with pytest.raises(BadArchive, match="there already"):
        writer(made)


@pytest.mark.parametrize("name", ["broken", "broken.tar"])
def test_a_backup_that_broke_off_is_none(tmp_path: Path, root: Path, name: str) -> None:
    """K9: nothing is left under its name, nor beside it."""
    target = tmp_path / name

    def gone() -> None:
        with writer(target) as one:
            one.add_all(root, Manifest("mail2fax", 7.0))
            raise KeyError

    with pytest.raises(KeyError):
        gone()
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def packed(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """A tar archive with these files, as somebody else makes it."""
    path = tmp_path / "made.tar"
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def listed(root: Path, tmp_path: Path) -> bytes:
    """The manifest of the files."""
    target = tmp_path / "good"
    with writer(target) as one:
        one.add_all(root, Manifest("mail2fax", 7.0))
    return (target / MANIFEST).read_bytes()


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (lambda files: {**files, "mails/01A.eml": b"mail" * 499_999 + b"mbil"}, "not what it was"),
        (lambda files: {**files, "ledger.sqlite3": b""}, "ledger.sqlite3 is not what it was"),
        (lambda files: {**files, "mails/01B.eml": b"x"}, "mails/01B.eml was not in it"),
        (lambda files: {n: d for n, d in files.items() if "01A.eml" not in n}, "is missing"),
        (lambda files: {n: d for n, d in files.items() if n != MANIFEST}, "has no MANIFEST"),
        (lambda files: {**files, MANIFEST: b"{}"}, "cannot be read"),
        (lambda files: {**files, MANIFEST: b"\xff"}, "cannot be read"),
        (lambda files: {**files, "../evil": b"x"}, "no file of a backup"),
        (lambda files: {**files, "mails/../../evil": b"x"}, "no file of a backup"),
        (lambda files: {**files, "documents/../x": b"x"}, "no file of a backup"),
        (lambda files: {**files, "mails/..": b"x"}, "no file of a backup"),
        (lambda files: {**files, "/etc/passwd": b"x"}, "no file of a backup"),
    ],
)
def test_what_was_done_to_a_backup_is_named(
    tmp_path: Path,
    root: Path,
    tamper: Callable[[dict[str, bytes]], dict[str, bytes]],
    sentence: str,
) -> None:
    """K9: altered, emptied, added, taken out, or a way out of the directory."""
    files = {**FILES, MANIFEST: listed(root, tmp_path)}
    assert unpack(packed(tmp_path, files), None).at == 7.0

    with pytest.raises(BadArchive, match=sentence):
        unpack(packed(tmp_path, tamper(files)), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    """K9: it would write, or read, elsewhere."""
    path = tmp_path / "made.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("mails/01A.eml")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)

    with pytest.raises(BadArchive, match="which is no file"):
        unpack(path, None)


@pytest.mark.parametrize("data", [b"", b"no tar at all" * 100])
def test_what_is_no_archive_is_told(tmp_path: Path, data: bytes) -> None:
    """K9: also an empty file."""
    path = tmp_path / "made.tar"
    path.write_bytes(data)

    with pytest.raises(BadArchive):
        unpack(path, None)


def test_a_cut_archive_is_told(made: Path, tmp_path: Path) -> None:
    """K9: the disk was full, or the copy was not waited for."""
    if made.is_dir():
        (made / MANIFEST).write_text(json.dumps({"made_by": "m", "at": 1.0}), "ascii")
    else:
        made.write_bytes(made.read_bytes()[:1_000_000])

    with pytest.raises(BadArchive):
        unpack(made, tmp_path / "out")
