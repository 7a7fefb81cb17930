"""A cell of a table in every style: what it publishes, what it does not, and what is asked for."""

from __future__ import annotations

import contextlib
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UsageError
from repro.outside import published
from repro.outside.markup import words
from repro.outside.published import NoNumber, Published, Writing

THIN, NARROW, NO_BREAK = "\N{THIN SPACE}", "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
PAIRS = {
    "93.1 ± 0.3": "±", "93.1±0.3": "±", f"93.1{THIN}±{THIN}0.3": "±", f"93.1{NO_BREAK}± 0.3": "±", "93.1+-0.3": "±",
    "93.1 +/- 0.3": "±", r"93.1 \pm 0.3": "±", r"$93.1 \pm 0.3$": "±", r"93.1 $\pm$ 0.3": "±",
    "93.1 &plusmn; 0.3": "±", r"93.1~$\pm$~0.3": "±", r"\textbf{93.1} $\pm$ 0.3": "±",
    r"\textbf{93.1 $\pm$ 0.3}": "±", "**93.1 ± 0.3**": "±", r"{\bf 93.1} $\pm$ 0.3": "±",
    r"$\mathbf{93.1 \pm 0.3}$": "±", r"\best{93.1 $\pm$ 0.3}": "±", "93.1 (±0.3)": "±",
    r"\cellcolor{gray!20}93.1 $\pm$ 0.3": "±", r"\textcolor{red}{93.1 $\pm$ 0.3}": "±", "__93.1__ ± 0.3": "±",
    r"93.1 {\scriptsize $\pm$ 0.3}": "±", r"\underline{93.1}{\tiny $\pm$0.3}": "±", "_**93.1**_ (±0.3)": "±",
    "<b>93.1</b> ± 0.3": "±", "93.1† ± 0.3": "±", "93.1 ± 0.3†": "±", "93.1* ± 0.3*": "±", "93.1 ± 0.3**": "±",
    r"93.1$^{\dagger}$ $\pm$ 0.3": "±", r"93.1$^*$ $\pm$ 0.3": "±", r"93.1 ± 0.3\*": "±", "(93.1 ± 0.3)": "±",
    r"$\alpha = 93.1 \pm 0.3$": "±", "`93.1 ± 0.3`": "±", "[93.1 ± 0.3](#note)": "±", "93.1 ± 0.3[^1]": "±",
    "93.1_{0.3}": "script", r"93.1$_{0.3}$": "script", r"$93.1_{\pm 0.3}$": "script", r"93.1$_{(0.3)}$": "script",
    "93.1<sub>±0.3</sub>": "script", r"$\mathbf{93.1}_{\pm 0.3}$": "script", r"93.1\textsubscript{0.3}": "script",
    r"93.1$^{\pm 0.3}$": "script", "93.1(0.3)": "brackets", "93.1 (0.3)": "brackets", "**93.1** (0.3)": "brackets",
    "93.1 (.3)": "brackets", r"$93.1{\pm}0.3$": "±", r"$93.1\!\pm\!0.3$": "±", r"93.1\textpm0.3": "±",
    r"$\bf{93.1}\pm0.3$": "±", r"\textbf{93.1}\scriptsize{$\pm$0.3}": "±", r"93.1 {\footnotesize(0.3)}": "brackets",
    r"\makecell{93.1 \\ (0.3)}": "brackets", r"\makecell{93.1 \\ $\pm$ 0.3}": "±", "93.1<sup>†</sup> ± 0.3": "±",
    r"\multirow{2}{*}{93.1 ± 0.3}": "±", "93.1 ± 0.3 ↑": "±", "↑ 93.1 ± 0.3": "±", "93.1 ±0.3 (n=5)": "±",
    r"93.1\textsuperscript{\dagger} ± 0.3": "±", "93.1_0.3": "script", "93.1(3)": "last digits",
    r"\num{93.1(3)}": "last digits", "93.1₀.₃": "script",
}  # each is 93.1 and 0.3  # fmt: skip
NUMBERS = {
    "93.1": ("93.1", "0.1"), "-0.5": ("-0.5", "0.1"), "−0.5": ("-0.5", "0.1"), "–0.5": ("-0.5", "0.1"),
    "+0.3": ("0.3", "0.1"), ".459": ("0.459", "0.001"), "100.0": ("100", "0.1"), "77": ("77", "1"),
    "1,234.5": ("1234.5", "0.1"), "1,333,200": ("1333200", "1"), "1 234.5": ("1234.5", "0.1"),
    f"1{THIN}234.5": ("1234.5", "0.1"), f"1{NARROW}234{NARROW}567": ("1234567", "1"),
    r"1\,234.5": ("1234.5", "0.1"), "1'234.5": ("1234.5", "0.1"), "4e-5": ("0.00004", "0.00001"),
    "4.70E+1": ("47", "0.1"), "1E5": ("100000", "100000"), "10M": ("10000000", "1000000"),
    "500k": ("500000", "1000"), "1.5 B": ("1500000000", "100000000"), "4.7×10⁻⁵": ("0.000047", "0.000001"),
    r"$4.7 \times 10^{-5}$": ("0.000047", "0.000001"), r"$4.7\cdot10^{-5}$": ("0.000047", "0.000001"),
    "10⁻⁵": ("0.00001", "0.00001"), "10^-5": ("0.00001", "0.00001"), "4.7×10^-5": ("0.000047", "0.000001"),
    "4.7 x 10^{-5}": ("0.000047", "0.000001"), "4.7*10^−5": ("0.000047", "0.000001"),
    "12 345 678": ("12345678", "1"), "93.1 (+1.2%)": ("93.1", "0.1"), "93.1 (↑1.2)": ("93.1", "0.1"),
    "93.1 ↑": ("93.1", "0.1"), "93.1 (ours)": ("93.1", "0.1"), "93.1 ± nan": ("93.1", "0.1"),
    r"\phantom{0}3.1": ("3.1", "0.1"),
}  # fmt: skip


@pytest.mark.parametrize("text", PAIRS)
def test_a_mean_and_its_spread_in_every_style(text: str) -> None:
    found = published.read(text)
    assert isinstance(found, Published)
    assert found.spread is not None
    assert (found.mean.value, found.mean.unit) == (Decimal("93.1"), Decimal("0.1"))
    assert (found.spread.value, found.spread.unit, found.form) == (Decimal("0.3"), Decimal("0.1"), PAIRS[text])
    assert (found.text, found.percent) == (text, False)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_with_the_unit_of_its_last_digit(text: str) -> None:
    found = published.read(text)
    assert isinstance(found, Published)
    assert (found.mean.value, found.mean.unit) == tuple(map(Decimal, NUMBERS[text]))
    assert found.spread is None


@pytest.mark.parametrize(
    ("text", "mean", "spread", "unit"),
    [
        ("68.4(7.1)", "68.4", "7.1", "0.1"),
        ("0.459(3)", "0.459", "0.003", "0.001"),
        ("0.4590(12)", "0.4590", "0.0012", "0.0001"),
        ("4.7±0.2×10⁻⁵", "0.000047", "0.000002", "0.000001"),
        ("(4.7 ± 0.2)e-5", "0.000047", "0.000002", "0.000001"),
        (r"$(4.7 \pm 0.2) \times 10^{-5}$", "0.000047", "0.000002", "0.000001"),
        ("1.2 ± 0.1M", "1200000", "100000", "100000"),
        ("3.40 ± 0.05 k", "3400", "50", "10"),
        ("1.2M ± 50k", "1200000", "50000", "1000"),
        (r"$12_{\pm 3}$", "12", "3", "1"),
        ("4.7(2)e-5", "0.000047", "0.000002", "0.000001"),
        ("1.2e-3 ± 3e-4", "0.0012", "0.0003", "0.0001"),
        ("120 ± 3e1", "120", "30", "10"),
        ("1,234.5 ± 2.0", "1234.5", "2.0", "0.1"),
        ("0.272978 (±0.0004) (+1.20%)", "0.272978", "0.0004", "0.0001"),
        ("93.1 ± 0.3 (5)", "93.1", "0.3", "0.1"),
        ("[97.1, 98.5]", "97.8", "0.7", "0.1"),
        ("[97.1, 98.4]", "97.75", "0.65", "0.1"),
        ("97.8 [97.1, 98.5]", "97.8", "0.7", "0.1"),
        ("97.8 [97.1; 98.5]", "97.8", "0.7", "0.1"),
        ("97.8 (97.1–98.5)", "97.8", "0.7", "0.1"),
        ("97.8 (97.1 to 98.5)", "97.8", "0.7", "0.1"),
        ("[97.1,98.5]", "97.8", "0.7", "0.1"),
        ("97.8 (97.1-98.5)", "97.8", "0.7", "0.1"),
        ("97.8 (97.1 - 98.5)", "97.8", "0.7", "0.1"),
        ("[-0.1, 0.3]", "0.1", "0.2", "0.1"),
        ("-0.1 [-0.3, 0.1]", "-0.1", "0.2", "0.1"),
        ("97.8 +0.3/-0.3", "97.8", "0.3", "0.1"),
    ],
)
def test_forms_whose_numbers_are_not_as_they_stand(text: str, mean: str, spread: str, unit: str) -> None:
    found = published.read(text)
    assert isinstance(found, Published)
    assert found.spread is not None
    assert (found.mean.value, found.spread.value, found.spread.unit) == tuple(map(Decimal, (mean, spread, unit)))


@pytest.mark.parametrize(
    "text", ["93.1<sub>↑1.2</sub>", "$93.1_{+1.2}$", r"93.1$_{\uparrow1.2}$", "93.1$_{-0.3}$", "93.1_{(+1.2\\%)}"]
)
def test_a_difference_that_is_lowered_is_no_spread(text: str) -> None:
    found = published.read(text)
    assert isinstance(found, Published)
    assert (found.mean.text, found.spread, len(found.besides)) == ("93.1", None, 1)


@pytest.mark.parametrize("text", ["97.8 +0.3/-0.2", "97.8 (+0.3/-0.2)", "$97.8^{+0.3}_{-0.2}$", "$97.8_{-0.2}^{+0.3}$"])
def test_uneven_ends_are_no_spread(text: str) -> None:
    found = published.read(text)
    assert isinstance(found, Published)
    assert found.interval is not None
    assert (found.form, found.spread, found.mean.text) == ("uneven", None, "97.8")
    assert [end.value for end in found.interval] == [Decimal("97.6"), Decimal("98.1")]


def test_an_interval_tells_its_level_and_whether_it_is_even_about_the_mean() -> None:
    found = published.read("97.8 (95% CI 97.1–98.5)")
    assert isinstance(found, Published)
    assert (found.form, found.level, found.percent) == ("mean and interval", "95", False)
    uneven = published.read("97.8 [97.1, 99.5]")
    assert isinstance(uneven, Published)
    assert (uneven.form, uneven.spread) == ("mean and interval", None)


@pytest.mark.parametrize(
    "text",
    [
        "93.1%",
        "93.1 %",
        r"93.1\%",
        "93.1% ± 0.3%",
        "93.1 ± 0.3 %",
        r"$93.1 \pm 0.3\%$",
        r"\SI{93.1(3)}{\percent}",
        r"93.1\,\%",
        "(93.1 ± 0.3)%",
        "**93.1%**",
    ],
)
def test_per_cent_is_the_cell_s_own_word(text: str) -> None:
    found = published.read(text)
    assert isinstance(found, Published)
    assert (found.unit, found.mean.text) == ("%", "93.1")


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "OOM", "oom (80 GB)", "-", "—", "--", "", "  ", "N/A", "nan ± nan", "✗", "$-$", "inf"]
)
def test_no_number_is_named(text: str) -> None:
    found = published.read(text)
    assert isinstance(found, NoNumber)
    assert found.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("**93.1 94.2**", "holds two numbers, 93.1 and 94.2; say `--pairs`"),
        (r"\textbf{93.1 / 94.2}", "holds two numbers, 93.1 and 94.2"),
        ("93{\\scriptsize 1}", "holds two numbers, 93 and 1"),
        ("93**1**", "holds two numbers, 93 and 1"),
        (r"93\textbf{1}", "holds two numbers, 93 and 1"),
        ("93.1 ± 0.3 ± 0.1", "holds 3 numbers, 93.1, 0.3, 0.1"),
        (r"93.1\std{0.3}", r"the LaTeX command \std is not known"),
        (r"\textbf{93.1", "is not closed"),
        ("< 0.01", "is a bound"),
        ("~93.1", "is a bound or about so"),
        ("93.1²", "has a raised number"),
        ("68(7)", "may be a spread, a count or a rank; say `--brackets spread|digits|aside`"),
        ("68.4 (7)", "may be a spread, one in its last digits, a count or a rank"),
        ("68.4_{2}", "the lowered 2 may be a spread, a count or a rank; say `--brackets spread|aside`"),
        ("68.4<sub>(2)</sub>", "the lowered 2 may be"),
        ("1_000", "the lowered 000 may be"),
        ("1200 ± 0.1k", "may be of both numbers"),
        ("68.4 (7.1%)", "(7.1%) may be a spread or an aside"),
        ("1,234", "may be decimal or part thousands; say `--comma decimal|thousands`"),
        ("0,459 ± 0,003", "'0,459' parts no thousands; say `--comma decimal`"),
        ("1,2", "parts no thousands"),
        ("12,34,56", "parts no thousands"),
        ("1,,2", "holds 2 numbers"),
        ("1,5e3", "parts no thousands"),
        ("4.7 ± 0.2e-5", "may be of both numbers; put both in brackets"),
        ("47 ± 0.2×10⁻⁵", "may be of both numbers"),
        ("[98.5, 97.1]", "ends below its beginning"),
        ("99.9 [97.1, 98.5]", "lies outside its interval"),
        ("ResNet-18", "wanted a mean"),
        ("93.1^{-2}", "has a raised number"),
        ("1.2.3", "wanted digits"),
        ("93.1 " * 200, "a text of 1,000 characters is no cell"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as error:
        published.read(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "writing", "mean", "spread"),
    [
        ("0,459 ± 0,003", Writing(comma="decimal"), "0.459", "0.003"),
        ("1,234", Writing(comma="decimal"), "1.234", None),
        ("1,234", Writing(comma="thousands"), "1234", None),
        ("1.234,5", Writing(comma="decimal"), "1234.5", None),
        ("[97,1; 98,5]", Writing(comma="decimal"), "97.8", "0.7"),
        ("68 (7)", Writing(brackets="spread"), "68", "7"),
        ("68.4 (7)", Writing(brackets="spread"), "68.4", "7"),
        ("68.4 (7)", Writing(brackets="digits"), "68.4", "0.7"),
        ("68.4 (7)", Writing(brackets="aside"), "68.4", None),
        ("0.459(3)", Writing(brackets="spread"), "0.459", "3"),
        ("0.8645    0.0013", Writing(pairs=True), "0.8645", "0.0013"),
        ("2890.298 | 1379.137", Writing(pairs=True), "2890.298", "1379.137"),
    ],
)
def test_what_was_asked_for_decides(text: str, writing: Writing, mean: str, spread: str | None) -> None:
    found = published.read(text, writing)
    assert isinstance(found, Published)
    assert found.mean.value == Decimal(mean)
    assert (found.spread and found.spread.value) == (spread and Decimal(spread))


def test_a_comma_against_what_was_said_of_commas_is_refused() -> None:
    for text, comma, said in (("0,459", "thousands", "parts no thousands"), ("93.1", "decimal", "has a point")):
        with pytest.raises(UsageError, match=said):
            published.read(text, Writing(comma=comma))


# Whatever is printed is read back

STYLES = (
    "{m} ± {s}", "{m}+-{s}", "{m} +/- {s}", "${m} \\pm {s}$", "{m} $\\pm$ {s}", "\\textbf{{{m}}} $\\pm$ {s}",
    "**{m} ± {s}**", "_**{m}**_ (±{s})", "{m} (±{s})", "${m}_{{\\pm {s}}}$", "{m}$_{{{s}}}$", "{m}_{{{s}}}",
    "{m}† ± {s}",
    "{m}* ± {s}*", "{m} ± {s}%", "{m}\\% $\\pm$ {s}\\%", "<b>{m}</b><sub>±{s}</sub>", "{m}({s})", "{m} ({s})",
    "({m} ± {s})", "\\underline{{{m} ± {s}}}", "`{m} ± {s}`", "{{\\bf {m}}} {{\\scriptsize $\\pm$ {s}}}",
)  # fmt: skip
SIGNS = ("-", "\N{MINUS SIGN}")


def grouped(digits: str, by: str) -> str:
    """Return digits in groups of three before the point."""
    whole, point, rest = digits.partition(".")
    sign = whole[: len(whole) - len(whole.lstrip("-"))]
    return f"{sign}{int(whole.lstrip('-')):,}".replace(",", by) + point + rest


class TestReadBack:
    """A cell is read as the numbers that it was written with, whatever its style (law of this reader)."""

    @given(
        st.integers(-(10**9), 10**9), st.integers(0, 10**6), st.integers(1, 6), st.sampled_from(STYLES),
        st.sampled_from(("", ",", " ", THIN, "'")), st.sampled_from(SIGNS),
    )  # fmt: skip
    def test_a_mean_and_a_spread(self, mean: int, spread: int, digits: int, style: str, by: str, sign: str) -> None:
        values = [Decimal(one).scaleb(-digits) for one in (mean, spread)]
        m, s = (grouped(f"{one:f}", by) if by else f"{one:f}" for one in values)
        found = published.read(style.format(m=m.replace("-", sign), s=s))
        assert isinstance(found, Published)
        assert found.spread is not None
        assert [found.mean.value, found.spread.value] == values
        assert found.mean.unit == found.spread.unit == Decimal(1).scaleb(-digits)

    @given(st.integers(0, 10**6), st.integers(1, 999), st.integers(1, 6))
    def test_an_uncertainty_in_the_last_digits(self, mean: int, spread: int, digits: int) -> None:
        value = Decimal(mean).scaleb(-digits)
        found = published.read(f"{value:f}({spread})")
        assert isinstance(found, Published)
        assert found.spread is not None
        assert (found.mean.value, found.spread.value) == (value, Decimal(spread).scaleb(-digits))

    @given(st.integers(1, 999), st.integers(0, 99), st.integers(-12, 12), st.sampled_from(("e{p}", "×10^{{{p}}}")))
    def test_a_power_of_ten_of_both(self, mean: int, spread: int, power: int, style: str) -> None:
        m, s = Decimal(mean).scaleb(-1), Decimal(spread).scaleb(-1)
        found = published.read(f"({m:f} ± {s:f})" + style.format(p=power))
        assert isinstance(found, Published)
        assert found.spread is not None
        assert (found.mean.value, found.spread.value) == (m.scaleb(power), s.scaleb(power))

    @given(st.text(max_size=30))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        with contextlib.suppress(UsageError):
            assert isinstance(published.read(text), Published | NoNumber)


def test_labels_are_said_without_their_dress() -> None:
    said = {
        "**Ours†**": "Ours",
        r"\textbf{Ours} \cite{x}": "Ours",
        "train_acc": "train_acc",
        "CIFAR-10 ↑": "CIFAR-10",
        r"$\alpha_1$": "alpha_1",
    }
    assert {text: words(text) for text in said} == said
