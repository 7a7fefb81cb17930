"""The verbs of bundles: bundle and verify."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from repro.cli import arguments as options
from repro.cli.arguments import Verbs, say, verb
from repro.errors import PASS
from repro.machine.terminal import answer, print_json


def arguments(verbs: Verbs) -> None:
    """Add the verbs and their options."""
    made = verb(
        verbs,
        "bundle",
        bundle,
        "repro bundle STUDY --profile smoke",
        "repro bundle STUDY --out evidence.zip --key id_ed25519",
    )
    options.study(made)
    options.profile(made)
    made.add_argument("--out", type=Path, metavar="FILE", help="the archive (default: beside the results)")
    made.add_argument("--key", type=Path, metavar="FILE", help="sign with this key, by `ssh-keygen -Y sign`")
    made = verb(
        verbs,
        "verify",
        verify,
        "repro verify evidence.zip",
        "repro verify evidence.zip --log golden/log.jsonl",
        "repro verify evidence.zip --signers allowed_signers --json",
    )
    made.add_argument("bundle", type=Path, metavar="BUNDLE")
    made.add_argument("--signers", type=Path, metavar="FILE", help="believe only these: NAME KEYTYPE KEY lines")
    made.add_argument(
        "--log", type=Path, metavar="FILE", help="the project's golden/log.jsonl, which must hold its log"
    )
    options.json(made)


def bundle(arguments: Namespace) -> int:
    """Pack a run; a check that does not pass is packed as what it is. Rows of other code are not packed (exit 3)."""
    import pyarrow.compute as pc

    from repro import registry
    from repro.bundle import attest, signature
    from repro.bundle.pack import archive, current_rows, files_of
    from repro.machine import extras, git
    from repro.machine.files import write
    from repro.runs import store

    extras.require("bundle")
    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    results = arguments.results or store.results_path(study.name, arguments.profile)
    rows = current_rows(study, arguments.profile, results)
    files = files_of(registry.root(), study.name, arguments.profile, results)
    if arguments.key:
        files[attest.SIGNATURE] = signature.sign(files[attest.STATEMENT], arguments.key)
    out = arguments.out or results.with_suffix(".bundle.zip")
    content = archive(files)
    write(out, content)
    outcome = attest.load(files[attest.STATEMENT], attest.STATEMENT)["predicate"]["result"]
    signed = "signed" if arguments.key else "not signed"
    answer(f"wrote {out}: {len(files)} files, {len(content)} bytes, check {outcome}, {signed}")
    commits = pc.unique(rows["commit"]).to_pylist()
    dirty = [commit for commit in commits if git.is_dirty(commit)]
    if dirty:
        say(arguments, f"note: rows were made with uncommitted changes ({', '.join(dirty)}); nobody can run that again")
    return PASS


def verify(arguments: Namespace) -> int:
    """Verify a bundle and say what it holds; exit 6 with the first reason not to believe it."""
    from repro.bundle import apart
    from repro.bundle.words import LINE, plain
    from repro.machine import extras

    extras.require("bundle")
    path: Path = arguments.bundle
    facts = apart.answer(path, arguments.signers, arguments.log)
    if arguments.json:
        return print_json(facts)
    answer("\n".join(plain(line, LINE) for line in (f"{path}: whole", *(f"  {a:<12} {b}" for a, b in facts.items()))))
    return PASS
