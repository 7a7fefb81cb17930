"""A cell of a published table as numbers, in every style that tables have; what could mean two things is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from repro import printed
from repro.errors import UsageError
from repro.outside import powers
from repro.outside.markup import EM, EN, GAPS, MINUS, plain
from repro.printed import Printed

Form = Literal["mean", "±", "brackets", "last digits", "script", "pair", "interval", "mean and interval", "uneven"]
COMMAS = ("decimal", "thousands")
BRACKETS = ("spread", "digits", "aside")
NOTHING = {
    "nan", "n/a", "na", "n.a.", "none", "null", "oom", "oot", "dnf", "tbd", "inf", "∞", "diverged", "failed",
    "timeout", "out of memory", "error",
}  # what stands where a number could not be had  # fmt: skip
POWERS = {"k": 3, "K": 3, "M": 6, "B": 9, "G": 9, "T": 12}

GAP = f"[ {GAPS}'\N{RIGHT SINGLE QUOTATION MARK}]"
SIGN = rf"[-+{MINUS}]"
DIGITS = rf"(?:\d{{1,3}}(?:{GAP}\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*\.?|\.\d+)"
N = rf"{SIGN}?\s?{DIGITS}(?:\s?(?:[eE]|×){SIGN}?\d+|\s?[kKMBGT](?![a-zA-Z]))?"
# Of a number: sign, digits, and the power that it is written with.
PARTS = re.compile(rf"(?P<sign>{SIGN}?)\s?(?P<digits>{DIGITS})\s?(?P<power>(?:[eE]|×){SIGN}?\d+|[kKMBGT])?")
TIMES = re.compile(rf"\s*[×x*·∙]\s*10\s*(?:\^\s*\{{?|\*\*)\s*({SIGN}?\d+)\s*\}}?")
TEN = re.compile(rf"(?<![\d.,])10\^\{{({SIGN}?\d+)\}}")
MARKS = re.compile(r"\^\{[^{}\d+\-\N{MINUS SIGN}]*\}|[†‡§¶∗⋆⋄★☆✓#‖•]|(?<=[\d%)\]}])\s?\*+|^\*+(?=[\d.])")
ARROWS = re.compile(rf"\(\s*[↑↓▲▼△▽]\s*{N}\s*%?\s*\)|[↑↓▲▼△▽]\s*{N}\s*%?$")
LOWERED = re.compile(rf"(?<!\}})_\{{\s*\(?\s*(?:[↑↓▲▼△▽]\s*{SIGN}?|{SIGN})\s*{N}\s*%?\s*\)?\s*\}}$")
NAME = re.compile(r"^[A-Za-zα-ω][\w ]*(?:_\{[^{}]*\})?\s*[=:≈]\s*")
PLUS_MINUS = re.compile(rf"\+\s?/\s?[-{MINUS}]|\+[-{MINUS}](?=\s*[\d.])")
PER = r"(?:\s?%)?"
CHANGE = re.compile(rf"\s*\(\s*{SIGN}\s?{DIGITS}(?:[eE]{SIGN}?\d+)?{PER}\s*\)$")
LEVEL = r"(?P<level>9\d(?:\.\d)?\s?%?\s?(?:CI|ci|conf(?:idence)?\.?(?: interval)?)\s*[:=]?\s*)?"
BETWEEN = rf"(?:\s*[;,]\s+|\s*;\s*|\s+to\s+|\s*(?:{EN}|\.\.)\s*|,|\s-\s|(?<=[\d%])-(?=\d))"

ALONE = re.compile(rf"(?P<mean>{N}){PER}")
WITH = re.compile(rf"(?P<mean>{N}){PER}\s*(?:±\s*(?P<bare>{N})|\(\s*±\s*(?P<held>{N}){PER}\s*\)){PER}")
SCRIPT = re.compile(rf"(?P<mean>{N}){PER}\s*[_^]\{{\s*\(?\s*±?\s*(?P<spread>{N}){PER}\s*\)?\s*\}}{PER}")
HELD = re.compile(rf"(?P<mean>{N})(?P<per>{PER})(?P<gap>\s*)\(\s*(?P<spread>{N})(?P<inner>{PER})\s*\){PER}")
RANGE = re.compile(
    rf"(?:(?P<mean>{N}){PER}\s*)?[\[(]\s*{LEVEL}(?P<low>{N}?){PER}{BETWEEN}(?P<high>{N}){PER}\s*[\])]{PER}"
)
UNEVEN = re.compile(
    rf"(?P<mean>{N}){PER}\s*\(?\s*(?:\+\s?(?P<up>{N})\s*[/, ]\s*[-{MINUS}]\s?(?P<down>{N})|"
    rf"\^\{{\+\s?(?P<up2>{N})\}}\s*_\{{[-{MINUS}]\s?(?P<down2>{N})\}}|"
    rf"_\{{[-{MINUS}]\s?(?P<down3>{N})\}}\s*\^\{{\+\s?(?P<up3>{N})\}}){PER}\s*\)?{PER}"
)
PAIR = re.compile(rf"(?P<mean>{N}){PER}(?:\s*[|/;,&]\s*|\s+)(?P<spread>{N}){PER}")
NO_SPREAD = rf"\s*±\s*(?:{'|'.join(map(re.escape, NOTHING))}|[-{EN}{EM}])"
ASIDE = re.compile(rf"(?P<inner>.*[\d)\]}}%])(?P<aside>\s*[(\[][^()\[\]]*[)\]]|{NO_SPREAD})", re.IGNORECASE)
SHARED = re.compile(rf"(?P<inner>.*\))\s?(?P<power>(?:[eE]|×){SIGN}?\d+)(?P<per>{PER})")
NUMBERS = re.compile(N)


@dataclass(frozen=True)
class Writing:
    """How a table writes what could mean two things: "" where that has not been said.

    `comma` is "decimal" or "thousands"; a whole number in `brackets` is a "spread", in units of the last "digits", or
    an "aside", as a rank is; of `pairs`, two numbers in one cell, the second is the spread.
    """

    comma: str = ""
    brackets: str = ""
    pairs: bool = False


@dataclass(frozen=True)
class Published:
    """What a cell publishes: a mean and, where there is one, its spread, or the ends of an interval.

    `form` is how it is written. An interval alone has its middle for a mean and half its width for a spread; one that
    is even about the mean gives the spread, an uneven one has none. `level` is the interval's where the cell says it,
    in per cent. `besides` is what else stands there and is no part of it, such as a difference to a rival.
    """

    text: str
    mean: Printed
    spread: Printed | None = None
    form: Form = "mean"
    interval: tuple[Printed, Printed] | None = None
    percent: bool = False
    level: str = ""
    besides: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Return the unit that the cell itself states."""
        return "%" if self.percent else ""


@dataclass(frozen=True)
class NoNumber:
    """A cell that states no number, as `nan`, `OOM` and a dash do: its text as it is read."""

    text: str


PLAIN = Writing()


def read(text: str, writing: Writing = PLAIN) -> Published | NoNumber:
    """Read a cell. Raise UsageError, with what it holds and what would decide, where it cannot be read."""
    bare = _bare(text)
    if _states_none(bare):
        return NoNumber(bare or "an empty cell")
    bare, besides = _without_asides(bare)
    percent, found = "%" in re.sub(LEVEL, "", bare), _matched(bare, writing)
    return replace(found, text=text, percent=percent, besides=(*found.besides, *besides))


def in_unit(found: Published | NoNumber, unit: str) -> Published | NoNumber:
    """Return a cell. Raise UsageError where it says per cent and all are said to be in another unit."""
    if isinstance(found, Published) and found.percent and unit not in ("", "%"):
        raise UsageError(f"says %, and all cells are said to be in '{unit}'; leave out --unit, or mend the cell")
    return found


def spread(text: str, writing: Writing = PLAIN) -> Printed | NoNumber:
    """Read a cell that holds a spread by itself, as `0.3`, `(0.3)` and `± 0.3` do."""
    bare = _bare(text)
    if _states_none(bare):
        return NoNumber(bare or "an empty cell")
    found = re.fullmatch(rf"\(?\s*±?\s*\(?\s*({N}){PER}\s*\)?{PER}", bare)
    if found is None:
        raise UsageError(f"wanted one number for a spread, got {text.strip()!r}")
    return number(found[1], writing.comma)


def is_spread(text: str) -> bool:
    """Say whether a cell is written as spreads under a mean are: `(0.3)`, `± 0.3`."""
    return bool(re.fullmatch(rf"\(\s*±?\s*{N}{PER}\s*\)|±\s*{N}{PER}", _bare(text)))


@lru_cache(maxsize=4096)
def number(text: str, comma: str = "") -> Printed:
    """Return one number, with its power of ten or its k, M or B. Raise UsageError where a comma may mean two things."""
    parts = PARTS.fullmatch(text.strip())
    if parts is None:
        raise UsageError(f"wanted a number, got {text.strip()!r}")
    digits = _pointed(re.sub(GAP, "", parts["digits"]), comma)
    power = (parts["power"] or "").translate({ord(MINUS): "-", ord("×"): "e", ord("E"): "e"})
    power = f"e{POWERS[power]}" if power in POWERS else power
    sign = "-" if parts["sign"] in ("-", MINUS) else ""
    return printed.parse(f"{sign}{digits}{power}")


def _pointed(digits: str, comma: str) -> str:
    """Return digits with a decimal point and no other sign."""
    groups = re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+(\.\d*)?", digits)
    if comma == "decimal":
        if re.fullmatch(r"\d*(,\d+)?", digits) or re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+,\d+", digits):
            return digits.replace(".", "").replace(",", ".")
        raise UsageError(f"{digits!r} has a point, and commas are said to be decimal; write it with one of them")
    if "," not in digits:
        return digits
    if groups and (comma == "thousands" or groups[1] is not None or digits.count(",") > 1):
        return digits.replace(",", "")
    if not groups:
        raise UsageError(f"the comma of {digits!r} parts no thousands; say `--comma decimal` where it is a decimal one")
    raise UsageError(f"the comma of {digits!r} may be decimal or part thousands; say `--comma decimal|thousands`")


def _bare(text: str) -> str:
    """Return a cell as the patterns above have it: without dress and marks, its powers as `×-5`."""
    found = plain(text)
    if found.isascii() and found.replace(".", "", 1).isdigit():
        return found
    found = TEN.sub(r"1×\1", TIMES.sub(r"×\1", found.replace("\N{ASTERISK OPERATOR}", "∗")))
    found = MARKS.sub("", PLUS_MINUS.sub("±", found))
    found = re.sub(rf"(^|[±(\[,/])(\s*)[{EN}](?=\s?[\d.])", rf"\1\2{MINUS}", found)
    return re.sub(r"\s*\n\s*", " ", NAME.sub("", found)).strip()


def _states_none(bare: str) -> bool:
    """Say whether a cell states no number: a word for that, dashes, or anything without a digit."""
    if not any(sign.isdigit() for sign in bare):
        return True
    return re.split(r"\s*[±(,;]|\s\s", bare.strip(f"{SIGN}"), maxsplit=1)[0].strip().casefold() in NOTHING


def _without_asides(bare: str) -> tuple[str, tuple[str, ...]]:
    """Return a cell without what tells of a difference at its end: arrows, or what is signed in brackets or lowered."""
    asides: list[str] = []
    while len(bare) > 1:
        found = ARROWS.search(bare) or CHANGE.search(bare) or LOWERED.search(bare)
        if found is None or not found.start():
            break
        asides.insert(0, found[0].strip())
        bare = (bare[: found.start()] + bare[found.end() :]).strip()
    return re.sub("[↑↓▲▼△▽]", "", bare).strip(), tuple(asides)


def _matched(bare: str, writing: Writing) -> Published:
    """Return what a bare cell publishes."""
    inner = re.fullmatch(rf"\((?P<inner>[^()]*)\){PER}", bare)
    if inner and not RANGE.fullmatch(bare):
        return _matched(inner["inner"].strip(), writing)
    shared = SHARED.fullmatch(bare)
    if shared:
        return _scaled(_matched(shared["inner"], writing), shared["power"])
    for pattern, of in FORMS:
        found = pattern.fullmatch(bare)
        if found:
            return of(found, writing)
    if writing.pairs and (found := PAIR.fullmatch(bare)):
        return _pair(found["mean"], found["spread"], "pair", writing)
    rest = ASIDE.fullmatch(bare)
    if rest and (
        not re.search(r"\d", rest["aside"]) or WITH.fullmatch(rest["inner"]) or SCRIPT.fullmatch(rest["inner"])
    ):
        inside = _matched(rest["inner"], writing)
        return replace(inside, besides=(*inside.besides, rest["aside"].strip()))
    raise UsageError(_why_not(bare))


def _why_not(bare: str) -> str:
    """Return in one line why a cell is no mean, with what would decide where something does."""
    if bare[0] in "<>≤≥~≈":
        return f"{bare!r} is a bound or about so, and no mean"
    if re.search(r"\^\{\d+\}", bare):
        return f"{bare!r} has a raised number, which may be a power or a note's; write it without"
    found = [one.strip() for one in NUMBERS.findall(bare)]
    if len(found) == 2 and PAIR.fullmatch(bare):
        return f"holds two numbers, {found[0]} and {found[1]}; say `--pairs` where the second is the spread"
    if len(found) > 1:
        return f"holds {len(found)} numbers, {', '.join(found)}, in no form that is known, in {bare!r}"
    return f"wanted a mean as in 93.1 ± 0.3, got {bare!r}"


# Forms


def _alone(found: re.Match[str], writing: Writing) -> Published:
    return Published("", number(found["mean"], writing.comma))


def _with(found: re.Match[str], writing: Writing) -> Published:
    mean, own = found["mean"], found["bare"] or found["held"]
    power = re.search(rf"\s?(?:(?:[eE]|×){SIGN}?\d+|[{''.join(POWERS)}])$", own)
    if power is None or re.search("[eE×kKMBGT]", mean):
        return _pair(mean, own, "±", writing)
    letter = POWERS.get(power[0][-1])
    if letter or "×" in power[0]:
        if _decimals(mean) != _decimals(own[: power.start()]):
            raise powers.power_of_both(found[0])
        return _scaled(_pair(mean, own[: power.start()], "±", writing), f"×{letter}" if letter else power[0].strip())
    return _pair(mean, own, "±", writing)


def _decimals(text: str) -> int:
    """Return how many digits stand behind the last point or comma."""
    return len(re.split("[.,]", text.strip())[-1]) if re.search("[.,]", text) else 0


def _script(found: re.Match[str], writing: Writing) -> Published:
    if "^" in found[0] and "±" not in found[0]:
        raise UsageError(f"{found[0]!r} has a raised number, which may be a power or a note's; write it without")
    mean, lowered = found["mean"], found["spread"]
    if "±" in found[0] or not lowered.strip().isdigit() or writing.brackets == "spread":
        return _pair(mean, lowered, "script", writing)
    if writing.brackets == "aside":
        return replace(_alone(found, writing), besides=(f"_{{{lowered}}}",))
    raise UsageError(f"the lowered {lowered} may be a spread, a count or a rank; say `--brackets spread|aside`")


def _held(found: re.Match[str], writing: Writing) -> Published:
    """Return a mean with a number in brackets: a spread where that has a point, else by what is said of brackets."""
    mean, inside = found["mean"], found["spread"]
    if writing.brackets == "aside":
        return replace(_alone(found, writing), besides=(f"({inside}{found['inner']})",))
    if found["inner"].strip() and not found["per"].strip():
        if writing.brackets != "spread":
            raise UsageError(f"({inside}%) may be a spread or an aside; say `--brackets spread|aside`")
        return _pair(mean, inside, "brackets", writing)
    if not inside.strip().isdigit():
        return _pair(mean, inside, "brackets", writing)
    pointed = _decimals(mean) > 0
    if not writing.brackets and (not pointed or found["gap"]):
        last = ", one in its last digits" if pointed else ""
        raise UsageError(f"({inside}) may be a spread{last}, a count or a rank; say `--brackets {'|'.join(BRACKETS)}`")
    if writing.brackets == "spread":
        return _pair(mean, inside, "brackets", writing)
    middle = number(mean, writing.comma)
    value = int(inside) * middle.unit
    return Published("", middle, Printed(_as_text(value), value, middle.unit), "last digits")


def _range(found: re.Match[str], writing: Writing) -> Published:
    """Return an interval, with its mean where there is one; it gives a spread where it is even about the mean."""
    if not found["low"]:
        raise UsageError(f"wanted two ends of an interval, got {found[0]!r}")
    low, high = number(found["low"], writing.comma), number(found["high"], writing.comma)
    if low.value > high.value:
        raise UsageError(f"the interval {found[0]!r} ends below its beginning")
    level = re.match(r"[\d.]+", found["level"] or "")
    unit = max(low.unit, high.unit)
    width, middle = (high.value - low.value) / 2, (high.value + low.value) / 2
    half = Printed(_as_text(width), width, unit)
    said = {"interval": (low, high), "level": level[0] if level else ""}
    if found["mean"] is None:
        return Published("", Printed(_as_text(middle), middle, unit), half, "interval", **said)  # type: ignore[arg-type]
    mean = number(found["mean"], writing.comma)
    if not low.value - low.half <= mean.value <= high.value + high.half:
        raise UsageError(f"the mean of {found[0]!r} lies outside its interval")
    even = abs(middle - mean.value) <= (unit + mean.unit) / 2
    return Published("", mean, half if even else None, "mean and interval", **said)  # type: ignore[arg-type]


def _uneven(found: re.Match[str], writing: Writing) -> Published:
    mean = number(found["mean"], writing.comma)
    up = number(found["up"] or found["up2"] or found["up3"], writing.comma)
    down = number(found["down"] or found["down2"] or found["down3"], writing.comma)
    if up == down:
        return Published("", mean, up, "±")
    ends = ((mean.value - down.value, down), (mean.value + up.value, up))
    low, high = (Printed(_as_text(value), value, mean.unit + part.unit) for value, part in ends)
    return Published("", mean, None, "uneven", (low, high))


def _pair(mean: str, own: str, form: Form, writing: Writing) -> Published:
    middle, off = number(mean, writing.comma), number(own, writing.comma)
    powers.hold_power(middle, off)
    return Published("", middle, off, form)


FORMS = (
    (ALONE, _alone), (WITH, _with), (SCRIPT, _script), (HELD, _held), (RANGE, _range), (UNEVEN, _uneven),
)  # fmt: skip


def _scaled(found: Published, power: str) -> Published:
    """Return what stands in brackets before a power of ten, times that."""
    by = int(power.strip()[1:].replace(MINUS, "-"))
    return replace(
        found,
        mean=_times(found.mean, by),
        spread=found.spread and _times(found.spread, by),
        interval=found.interval and (_times(found.interval[0], by), _times(found.interval[1], by)),
    )


def _times(one: Printed, power: int) -> Printed:
    return Printed(f"{one.text}e{power}", one.value.scaleb(power), one.unit.scaleb(power))


def _as_text(value: Decimal) -> str:
    return f"{value:f}"


def canonical(found: Published) -> Sequence[str]:
    """Return mean and spread as plain digits, which `repro.printed` reads."""
    return [one.text for one in (found.mean, found.spread) if one is not None]
