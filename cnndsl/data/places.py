"""Where data sets lie, and how archives of them are unpacked."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from cnndsl.diagnostics import UsageError
from cnndsl.downloads import BLOCK
from cnndsl.files import replaced
from cnndsl.resources import cache_folder


def data_folders(data_dir: Path | None) -> list[Path]:
    """Where data sets are looked for: `data_dir`, $CNNDSL_DATA, the user's cache.

    What is downloaded goes to the first of them. Raises OSError where there is none.
    """
    given = os.environ.get("CNNDSL_DATA")
    named = [data_dir, Path(given) if given else None]
    folders = [folder.expanduser() for folder in named if folder is not None]
    try:
        folders.append(cache_folder() / "data")
    except OSError:
        if not folders:
            raise
    return folders


def unpack_members(archive: Path, members: Mapping[str, int], folder: Path) -> None:
    """Write certain files of a .tar.gz into a folder, by their own last names.

    `members` are their names in the archive and their sizes; whatever else it holds is not looked
    at, so that nothing can be written elsewhere. Raises UsageError.
    """
    left = dict(members)
    try:
        with tarfile.open(archive, "r:gz") as files:
            for member in files:
                if left.get(member.name) != member.size or not member.isreg():
                    continue
                content = files.extractfile(member)
                assert content is not None  # it is a regular file
                with content, replaced(folder / Path(member.name).name) as target:
                    while block := content.read(BLOCK):
                        target.write(block)
                del left[member.name]
                if not left:
                    return
    except (tarfile.TarError, EOFError, zlib.error) as e:
        raise UsageError(f"`{archive}` is no sound archive: {e}") from None
    raise UsageError(f"`{archive}` lacks {', '.join(left)}")
