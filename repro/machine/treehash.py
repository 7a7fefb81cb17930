"""Hash what an image holds, whatever engine built it: run by the image's own Python, with the standard library only.

One line for each file, folder, link and device, in a fixed order: path, mode, owner, and the SHA-256 of the
content or the link's target; the tree hash is the SHA-256 of these lines. Left out are times, what an engine puts into
every container, and whatever is mounted. Compiled Python counts: it is what runs.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator

OF_THE_ENGINE = frozenset(
    [
        *("/proc", "/sys", "/dev", "/run", "/tmp", "/.dockerenv"),
        *("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"),
    ]
)


def mounted(table: str) -> set[str]:
    """Return the places that something is mounted on, except the root, from the text of /proc/self/mountinfo."""
    places = (line.split()[4] for line in table.splitlines() if line.strip())
    return {place.encode().decode("unicode_escape") for place in places} - {"/"}


def entries(root: str, left_out: frozenset[str]) -> Iterator[str]:
    """Yield every path below `root` as seen from it, in an order that depends on the names alone."""

    def unreadable(error: OSError) -> None:
        raise error

    for folder, below, files in os.walk(root or "/", onerror=unreadable):
        inside = folder[len(root) :].rstrip("/")
        paths = {name: f"{inside}/{name}" for name in sorted([*below, *files], key=os.fsencode)}
        yield from (path for path in paths.values() if path not in left_out)
        below[:] = [name for name in paths if name in set(below) and paths[name] not in left_out]


def content(path: str, mode: int) -> str:
    """Return what a path holds: the SHA-256 of a file, the target of a link, nothing for the rest."""
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    if not stat.S_ISREG(mode):
        return ""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()


def tree_hash(root: str, left_out: frozenset[str]) -> str:
    """Return the tree hash of a folder, 64 hex digits; paths in `left_out` are as seen from it and start with "/"."""
    hasher, root = hashlib.sha256(), root.rstrip("/")
    for path in entries(root, left_out):
        status = os.lstat(root + path)
        facts = (path, oct(status.st_mode), f"{status.st_uid}:{status.st_gid}", content(root + path, status.st_mode))
        hasher.update(os.fsencode("\0".join(facts)) + b"\n")
    return hasher.hexdigest()


if __name__ == "__main__":
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        sys.stdout.write(tree_hash("/", OF_THE_ENGINE | mounted(file.read())) + "\n")
