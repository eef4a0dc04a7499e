"""The folder that a run of the sample works in."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = ".made-by-the-sample"


class FolderRefused(Exception):
    """The folder cannot be used; the message says why and what to do."""


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """An empty ``folder``, held for this process until the block ends.

    What an earlier run left there is removed. A folder without the mark of such a run is somebody
    else's, and a held one is in use: both are refused and stay as they are.

    :raises FolderRefused: for these, with one line that says what to do.
    """
    mark = folder / MARK
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FolderRefused(f"{folder} is not a folder; move it away, or name another with --folder")
    if folder.exists() and not mark.is_file() and any(folder.iterdir()):
        raise FolderRefused(
            f"{folder} was not made by the sample and will not be touched; move it away, or name another with --folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with mark.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderRefused(f"a sample is running in {folder} already; stop it first") from None
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != MARK:
                path.unlink()
        yield folder
