"""The verbs that judge documents: audit and report."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from repro.cli import arguments as options
from repro.cli import forms
from repro.cli.arguments import Verbs, say, verb
from repro.errors import DEVIATION, PASS, UsageError, did_you_mean
from repro.machine import terminal
from repro.machine.terminal import answer, escape, print_json

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from repro.audit.document import Audit

ANEW = "make anew what is kept below results/kept, and refuse (exit 6) what is not the same then"


def arguments(verbs: Verbs) -> None:
    """Add the verbs and their options."""
    made = verb(
        verbs,
        "audit",
        audit,
        "repro audit",
        "repro audit STUDY --verdict erratum",
        "repro audit STUDY --claim ID",
        "repro audit --junit-xml audit.xml --sarif audit.sarif --markdown audit.md --strict",
        "repro audit STUDY --codecheck FOLDER",
        "repro audit STUDY --document FILE",
        "repro audit --anew",
    )
    options.study(made, "one study; all that have claims without it", nargs="?")
    options.json(made)
    made.add_argument("--claim", action="append", default=[], metavar="ID", help="this claim, in full (repeatable)")
    made.add_argument("--verdict", action="append", default=[], metavar="VERDICT", help="list only these (repeatable)")
    made.add_argument(
        "--document", type=Path, metavar="FILE", help="the text: hold each claim to its passage, and print it"
    )
    strict = "exit 1 where a claim is contradicted; one that cannot be judged has a code of its own with or without"
    made.add_argument("--strict", action="store_true", help=strict)
    made.add_argument("--bless", metavar="REASON", help="make these verdicts the ones that later audits are held to")
    made.add_argument("--codecheck", type=Path, metavar="FOLDER", help="write codecheck.yml for the figures made there")
    made.add_argument("--page", type=Path, metavar="FILE", help="write a page's table of blessed verdicts anew")
    made.add_argument("--anew", action="store_true", help=ANEW)
    options.exports(made, "verdicts")
    made = verb(
        verbs,
        "report",
        report,
        "repro report",
        "repro report STUDY --out report.html --without-figures",
        "repro report --screenshot docs/report.png",
    )
    options.study(made, "the studies; all that have claims without one", nargs="*")
    made.add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE", help="where it goes")
    made.add_argument("--without-figures", action="store_true", help="claims and verdicts only, in seconds")
    shot = "write a picture of the first screen, too, by a headless Chromium that is there"
    made.add_argument("--screenshot", type=Path, metavar="FILE", help=shot)
    made.add_argument("--anew", action="store_true", help=ANEW)


def audit(arguments: Namespace) -> int:
    """Judge the claims of one study or of all, print verdicts, write what was asked for, compare with those blessed.

    A claim that cannot be judged is an `error` and stops no other; the exit code is then its own, or the highest.
    """
    seldom_collect()
    from repro.audit import document
    from repro.audit.kept import Kept
    from repro.audit.verdicts import ERROR, VERDICTS
    from repro.show.verdicts import render

    if arguments.page is not None:
        return _page(arguments)
    if arguments.claim and not arguments.study:
        raise UsageError("--claim: name the study that the claim is of")
    if arguments.codecheck is not None and (arguments.claim or not arguments.study):
        raise UsageError("--codecheck: a certificate is of one document, whole; name the study and no claim")
    for word in arguments.verdict:
        if word not in (*VERDICTS, ERROR):
            known = f"(verdicts: {', '.join((*VERDICTS, ERROR))})"
            raise UsageError(f"--verdict {word}: no such verdict{did_you_mean(word, [*VERDICTS, ERROR])} {known}")
    names = [arguments.study] if arguments.study else []
    kept = Kept(anew=arguments.anew or arguments.bless is not None)
    if arguments.bless is None:
        found = document.audit(*names, claims=arguments.claim, text=arguments.document, kept=kept)
    else:  # what was blessed before is no hindrance: a bless that was cut short is mended by another
        found = document.Audit(
            document.judge_all(*names, claims=arguments.claim, text=arguments.document, kept=kept), ()
        )
    if arguments.json:
        print_json(found.records)
    else:
        answer(render(found.claims, whole=bool(arguments.claim), verdicts=arguments.verdict))
    write_exports(arguments, found)
    if arguments.bless is not None:
        return _bless(arguments, found)
    for change in found.changes:  # which are why this does not end with 0, and so a result, whoever wants quiet
        terminal.say(change)
    for note in found.notes:
        say(arguments, f"note: {note}")
    if found.errors:
        terminal.say(not_judged("audit", found))
        return found.exit_code
    return DEVIATION if arguments.strict and found.contradicted else found.exit_code


def seldom_collect() -> None:
    """Look for garbage seldom: what evidence imports is a million objects, and all of them stay."""
    import gc

    gc.set_threshold(1_000_000, 50, 1000)


def not_judged(verb: str, found: Audit) -> str:
    """Say how many claims could not be judged, and why the first of them."""
    first = escape(found.errors[0].judgement.evidence)
    return f"repro {verb}: {len(found.errors)} of {len(found.claims)} claims could not be judged, first {first}"


def _bless(arguments: Namespace, found: Audit) -> int:
    """Make the verdicts the blessed ones."""
    from repro import registry
    from repro.audit.blessed import bless_audit

    if arguments.claim:
        raise UsageError("--bless: all claims of a study are blessed together; leave out --claim")
    names = list(dict.fromkeys(one.claim.study for one in found.claims))
    say(arguments, bless_audit(registry.root(), found.records, reason=arguments.bless, studies=names))
    return PASS


def _page(arguments: Namespace) -> int:
    """Write a page's table of blessed verdicts anew; nothing is judged."""
    from repro import registry
    from repro.machine import files
    from repro.show import pages

    path: Path = arguments.page
    before = pages.read(path)
    made = pages.with_counts(before, registry.root(), str(path))
    if made != before:
        files.write(path, made)
    say(arguments, f"{path}: verdicts {'written' if made != before else 'already so'}")
    return PASS


def write_exports(arguments: Namespace, found: Audit) -> None:
    """Write the verdicts in the forms that were asked for."""
    if not (forms.asked(arguments) or arguments.codecheck):
        return  # what makes them is slow to import
    from repro import registry
    from repro.show import exports

    records = found.records
    strict = arguments.strict and arguments.bless is None  # what is blessed is right as it is
    items = exports.of_claims(records, found.changed, strict=strict)
    forms.write(arguments, "repro audit", items, lambda: exports.markdown(records, items))
    if arguments.codecheck is not None:
        path = exports.codecheck(arguments.codecheck, registry.load(arguments.study), records)
        say(arguments, f"wrote {path}; who checked, and the certificate's report, are for that person to fill in")


def report(arguments: Namespace) -> int:
    """Judge the studies, make their figures from blessed rows, and write the file; end as `repro audit` by errors."""
    seldom_collect()
    from repro import registry
    from repro.audit.document import Audit, judge_all
    from repro.audit.kept import Kept
    from repro.machine import extras, files
    from repro.show.about import about
    from repro.show.report import figures_of, page

    extras.require("report")
    kept = Kept(anew=arguments.anew)
    found = judge_all(*arguments.study, kept=kept)
    names = list(dict.fromkeys(one.claim.study for one in found))
    figures = {}
    for name in names if not arguments.without_figures else []:
        study = registry.load(name)
        if study.figures:
            say(arguments, f"{name}: making {len(study.figures)} figures")
        figures[name] = list(figures_of(study, kept))
    out: Path = arguments.out
    files.write(out, page(found, figures, about(names)))
    say(arguments, f"wrote {out}: {len(found)} claims, {out.stat().st_size / 1e6:.1f} MB")
    if arguments.screenshot is not None:
        from repro.show import browser

        browser.screenshot(out, arguments.screenshot)
        say(arguments, f"wrote {arguments.screenshot}")
    whole = Audit(found, ())
    if whole.errors:
        terminal.say(not_judged("report", whole))
    return whole.exit_code
