"""A cell of a table without its dress: Markdown, HTML and LaTeX taken off, what numbers are written with kept.

What is left has `±`, `×10^{-5}`, scripts as `_{...}` and `^{...}`, and no thin spaces, bold or colours.
"""

from __future__ import annotations

import html
import re

from repro.errors import UsageError

GAPS = "\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}\N{HAIR SPACE}\N{PUNCTUATION SPACE}"
UNSEEN = re.compile("[\N{ZERO WIDTH SPACE}\N{WORD JOINER}\N{SOFT HYPHEN}\N{ZERO WIDTH NO-BREAK SPACE}\r]")
LONGEST = 500  # characters of a cell
MINUS = "\N{MINUS SIGN}"
EN, EM = "\N{EN DASH}", "\N{EM DASH}"
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", f"0123456789+{MINUS}")
LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", f"0123456789+{MINUS}")
RAISED_NUMBER = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+(?:\.[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
LOWERED_NUMBER = re.compile(r"[₀₁₂₃₄₅₆₇₈₉₊₋]+(?:\.[₀₁₂₃₄₅₆₇₈₉]+)?")  # Unicode has no lowered point

TAG = re.compile(r"<(/?)([a-zA-Z]+)[^<>]*>")
SCRIPTS = {"sub": "_{", "sup": "^{"}
LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)|\[\^[^\]]*\]")
STRONG = re.compile(r"(\*{1,3}|_{2,3}|~~|`+)(?=\S)(.*?\S)\1(?![\w*])")
SLANTED = re.compile(r"(?<![\w}*])_(?=[^\s{])([^_]*[^\s_])_(?![\w{])")
ESCAPED = re.compile(r"\\([*_|`~#])")
HELD = str.maketrans("*_|`~#", "\N{ASTERISK OPERATOR}\N{LOW LINE}|'~#")

SIGNS = {
    "pm": "±", "textpm": "±", "times": "×", "texttimes": "×", "cdot": "×", "dagger": "†", "dag": "†",
    "textdagger": "†", "ddagger": "‡", "ddag": "‡", "textdaggerdbl": "‡", "ast": "*", "star": "*",
    "textasteriskcentered": "*", "uparrow": "↑", "downarrow": "↓", "infty": "∞", "textendash": EN, "textemdash": EM,
    "sim": "~", "approx": "≈", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "S": "§", "P": "¶", "checkmark": "✓",
    "textminus": MINUS, "diamond": "⋄", "bullet": "•", "ldots": "…", "dots": "…", "slash": "/", "textbar": "|",
    "textunderscore": " ", "textpercent": "%", "percent": "%", "Delta": "Δ", "textbackslash": "/",
}  # fmt: skip
SPACES = {"quad": " ", "qquad": " ", "thinspace": "\N{THIN SPACE}", "enspace": " ", "xspace": "", "hfill": " "}
SWITCHES = {
    "bf", "it", "em", "rm", "sl", "sf", "tt", "bfseries", "itshape", "slshape", "mdseries", "upshape", "boldmath",
    "tiny", "scriptsize", "footnotesize", "small", "normalsize", "large", "Large", "left", "right", "big", "Big",
    "displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "centering", "raggedright", "raggedleft",
    "noindent", "unboldmath", "relax", "protect", "bgroup", "egroup", "arraybackslash", "hline", "limits",
}  # fmt: skip
WRAPS = {
    "textbf", "textit", "textsl", "textsc", "textrm", "textsf", "texttt", "textmd", "textup", "textnormal", "emph",
    "underline", "uline", "uuline", "uwave", "sout", "mathbf", "mathit", "mathrm", "mathsf", "mathtt", "mathcal",
    "bm", "boldsymbol", "pmb", "text", "mbox", "hbox", "fbox", "makebox", "ensuremath", "num", "tablenum", "SI",
    "qty", "hl", "overline", "makecell", "thead", "shortstack", "operatorname", "dashuline", "boxed", "framebox",
}  # fmt: skip
RAISES = {"textsuperscript": "^", "textsubscript": "_", "tnote": "^"}
DROPS = {
    "cellcolor": 1, "rowcolor": 1, "columncolor": 1, "color": 1, "phantom": 1, "hphantom": 1, "vphantom": 1, "cite": 1,
    "citep": 1, "citet": 1, "footnote": 1, "footnotemark": 0, "hspace": 1, "label": 1, "rule": 2, "fontsize": 2,
    "selectfont": 0, "vspace": 1, "strut": 0, "ref": 1, "rotatebox": 1, "textcolor": 1, "colorbox": 1,
    "scalebox": 1, "raisebox": 1, "resizebox": 2, "multicolumn": 2, "multirow": 2,
}  # what is taken off with so many arguments; a further one is kept  # fmt: skip
COMMAND = re.compile(r"\\(?:([a-zA-Z]+)\*?[ \t]*|([^a-zA-Z]))")
OPTION = re.compile(r"\s*\[[^\[\]]*\]")
SCRIPT = re.compile(rf"([_^])\s*([-+{MINUS}]?\d+(?:\.\d+)?|[^\s{{}}_^])")


def plain(text: str) -> str:
    """Return a cell without its dress. Raise UsageError for a LaTeX command that is not known, and for a long text."""
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return text
    if len(text) > LONGEST:
        raise UsageError(f"a text of {len(text):,} characters is no cell of a table; see to the file")
    found = _undressed(text)
    found = RAISED_NUMBER.sub(lambda one: f"^{{{one[0].translate(RAISED)}}}", found)
    found = LOWERED_NUMBER.sub(lambda one: f"_{{{one[0].translate(LOWERED)}}}", found)
    return _unbraced(SCRIPT.sub(r"\1{\2}", found)).strip()


def _undressed(text: str) -> str:
    """Return a text without Markdown, HTML and LaTeX; braces stay."""
    found = UNSEEN.sub("", html.unescape(text) if "&" in text else text)
    if "<" in found:
        found = TAG.sub(_tag, found)
    if any(sign in found for sign in "*_`~["):
        found = _unmarked(found)
    if any(sign in found for sign in "\\$~"):
        found = _typeset(found)
    return found


def words(text: str) -> str:
    """Return a label of a row or a column as a reader says it: without dress, marks of notes and double spaces."""
    if (text.isascii() and text.isalnum()) or len(text) > LONGEST:
        return text
    found = _unbraced(re.sub(r"[_^]\{([^{}]*)\}", r"\1", _undressed(text)))
    return " ".join(re.sub(f"[†‡§¶↑↓{GAPS}]", " ", found.replace("$", "")).split()).rstrip("* ")


def _tag(found: re.Match[str]) -> str:
    """Return what stands for an HTML tag: scripts as LaTeX has them, braces for bold, a space for a line's end."""
    closes, name = bool(found[1]), found[2].lower()
    if name in SCRIPTS:
        return "}" if closes else SCRIPTS[name]
    return " " if name == "br" else "}" if closes else "{"


def _unmarked(text: str) -> str:
    """Take off Markdown's emphasis, links and notes; single stars and underscores that close nothing stay."""
    found = LINK.sub(lambda one: one[1] or "", text)
    if "\\" in found:
        found = ESCAPED.sub(lambda one: one[1].translate(HELD), found)
    before = None
    while before != found:
        before = found
        found = SLANTED.sub(lambda one: _apart(one, one[1]), STRONG.sub(lambda one: _apart(one, one[2]), found))
    return found


def _apart(found: re.Match[str], inner: str) -> str:
    """Return what was emphasised, and a space before it where its digits would lengthen a number."""
    return f" {inner}" if found.string[: found.start()][-1:].isdigit() and inner[0].isdigit() else inner


def _argument(text: str, place: int) -> tuple[str, int]:
    """Return the argument of a LaTeX command that begins at a place, and where it ends; options are left out."""
    while found := OPTION.match(text, place):
        place = found.end()
    while place < len(text) and text[place] == " ":
        place += 1
    if text[place : place + 1] != "{":
        return text[place : place + 1], place + 1
    depth = 0
    for end in range(place, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[place + 1 : end], end + 1
    raise UsageError(f"a brace of {text!r} is not closed")


def _typeset(text: str) -> str:
    """Take off LaTeX's commands, dollars and ties. Raise UsageError for a command that is not known."""
    found: list[str] = []
    place = 0
    text = re.sub(r"(?<=\S)~", " ", text).replace("$", "")
    while command := COMMAND.search(text, place):
        found.append(text[place : command.start()])
        name, sign, place = command[1], command[2], command.end()
        if sign is not None:
            found.append({",": "\N{THIN SPACE}", ";": "\N{THIN SPACE}", ":": " ", "!": "", "\\": " "}.get(sign, sign))
        elif name in SIGNS:
            found.append(SIGNS[name])
        elif name in SPACES:
            found.append(SPACES[name])
        elif name in RAISES:
            inner, place = _argument(text, place)
            found.append(f"{RAISES[name]}{{{_typeset(inner)}}}")
        elif name in DROPS:
            for argument in range(DROPS[name]):
                inner, place = _argument(text, place)
                if name == "multicolumn" and not argument and inner.strip() != "1":
                    raise UsageError(f"a cell that spans {inner} columns is of none of them alone; write one for each")
        elif name in WRAPS:
            inner, place = _argument(text, place)
            found.append(f"{{{_typeset(inner)}}}")
        elif name not in SWITCHES:
            place = _unknown(text, name, command.start(), place, found)
    return "".join([*found, text[place:]])


GREEK = re.compile(
    r"(?i)(var)?(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega)"
)


def _unknown(text: str, name: str, begins: int, place: int, found: list[str]) -> int:
    """Take off a command of the author's own where it holds all of the cell, and write a Greek letter as its name."""
    if GREEK.fullmatch(name):
        found.append(name)
        return place
    inner, end = _argument(text, place)
    if not text[:begins].strip("{ ") and not text[end:].strip("} ") and inner:
        found.append(_typeset(inner))
        return end
    raise UsageError(f"the LaTeX command \\{name} is not known; write out what it prints")


def _unbraced(text: str) -> str:
    """Take off braces that hold no script; digits that these part stay apart."""
    found: list[str] = []
    kept = [False]
    for place, sign in enumerate(text):
        if sign == "{":
            kept.append(text[:place][-1:] in ("_", "^"))
        keep = kept[-1] if sign in "{}" else True
        if sign == "}" and len(kept) > 1:
            kept.pop()
        if keep:
            found.append(sign)
        elif text[:place].rstrip("{}")[-1:].isdigit() and text[place:].lstrip("{}")[:1].isdigit():
            found.append(" ")
    return "".join(found)
