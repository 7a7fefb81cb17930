"""A file that one process holds, also where several machines see it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repro.errors import InfrastructureError
from repro.machine import files

MOUNTS = Path("/proc/self/mountinfo")
# Options by which a network's file system keeps its locks to one machine (nfs(5), mount.lustre(8), mount.cifs(8)), and
# systems that always do: FUSE's answer flock themselves where the program behind it does not.
LOCAL_OPTIONS = {
    "nfs": {"nolock", "local_lock=flock", "local_lock=all"},
    "nfs4": {"nolock", "local_lock=flock", "local_lock=all"},
    "lustre": {"localflock"},
    "cifs": {"nobrl", "nolock"},
    "smb3": {"nobrl", "nolock"},
}
LOCAL_KINDS = {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.goofys", "afs"}
STEP = "name results on a disk of this machine (--results FILE) and join them later (`repro merge`)"


@contextmanager
def exclusive(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock file while the context lasts. Raise InfrastructureError with the text `busy` where another does.

    So it is raised where the lock would not keep out another machine. A process that dies lets go of it.
    """
    with files.refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.open("w")
    with held as lock:
        kept_local = local_locks(path, MOUNTS.read_text("utf-8", "replace") if MOUNTS.exists() else "")
        if kept_local:
            raise InfrastructureError(f"{path}: {kept_local}, so that another machine could write here too; {STEP}")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InfrastructureError(busy) from error
        except OSError as error:
            raise InfrastructureError(
                f"{path}: its file system cannot lock a file ({error.strerror}), so that two processes could write "
                f"here at once; {STEP}"
            ) from error
        yield


def local_locks(path: Path, mounts: str) -> str:
    """Say why a lock of this file is one machine's alone, by the lines of /proc/self/mountinfo; "" where it is not so.

    A disk of this machine has no others that could see the file.
    """
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        fields, _, more = line.partition(" - ")
        parts, said = fields.split(), more.split()
        if len(parts) < 6 or len(said) < 3 or parts[2] != number:
            continue
        options = {*parts[5].split(","), *said[2].split(",")}
        if said[0] in LOCAL_KINDS:
            return f"the file system {said[0]} keeps locks to one machine"
        found = sorted(options & LOCAL_OPTIONS.get(said[0], set()))
        if found:
            return f"the file system {said[0]} is mounted with {found[0]}, which keeps locks to one machine"
    return ""
