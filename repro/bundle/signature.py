"""Signatures of a bundle's statement, by the keys that people have: `ssh-keygen -Y`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from repro.errors import InfrastructureError, IntegrityError, UsageError

PATIENCE_SECONDS = 10  # with a signature that a stranger made; a signer may be asked for a passphrase
NAMESPACE = "repro"  # a signature made for another purpose is none of a bundle


def sign(statement: bytes, key: Path) -> bytes:
    """Return the signature of a statement. Raise UsageError for a key that cannot sign; it may ask for a passphrase."""
    if not key.is_file():
        raise UsageError(f"{key}: no such key; name a private key, or a public one whose private key an agent holds")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "statement.json")
        path.write_bytes(statement)
        done = run("sign", "-f", str(key), "-n", NAMESPACE, str(path))
        if done.returncode:
            raise UsageError(f"{key}: does not sign ({said(done)}); name a private key that `ssh-keygen -Y sign` takes")
        return path.with_name("statement.json.sig").read_bytes()


def signer(statement: bytes, signature: bytes, signers: Path) -> str:
    """Return who of the allowed signers signed a statement. Raise IntegrityError where nobody of them did.

    `signers` is a file of lines "NAME KEYTYPE KEY", as ALLOWED SIGNERS in ssh-keygen(1) says.
    """
    if not signers.is_file():
        raise UsageError(f"{signers}: no such file; it holds a line NAME KEYTYPE KEY for each signer you trust")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "signature")
        path.write_bytes(signature)
        found = run("find-principals", "-s", str(path), "-f", str(signers))
        lines = found.stdout.decode("utf-8", "replace").splitlines()
        # A line may name several, and some of them (by "!") as those who may not.
        names = [name for line in lines for name in line.split(",") if name and not name.startswith("!")]
        if found.returncode or not names:
            raise IntegrityError(f"the signature is by nobody in {signers} ({said(found)})")
        for name in names:
            allowed = ("-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", str(path))
            done = run("verify", *allowed, content=statement)
            if done.returncode == 0:
                return name
        raise IntegrityError(f"the signature is not of this statement ({said(done)})")


def run(action: str, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run one action of `ssh-keygen -Y`."""
    program = shutil.which("ssh-keygen")
    if program is None:
        raise InfrastructureError("ssh-keygen: not found; install OpenSSH's client to sign bundles or check signatures")
    patience = None if action == "sign" else PATIENCE_SECONDS
    command = [program, "-Y", action, *arguments]
    try:
        return subprocess.run(command, input=content, capture_output=True, check=False, timeout=patience)
    except subprocess.TimeoutExpired as error:
        raise IntegrityError(f"the signature could not be read in {PATIENCE_SECONDS} s") from error


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last line that the program said."""
    lines = (done.stderr + done.stdout).decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), f"exit {done.returncode}")
