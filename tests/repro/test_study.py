"""Figures that a study declares by the name of their module, which is imported only when one is made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro import faults
from repro.errors import UsageError
from repro.show import figures
from repro.study import Figure, Profile, Study

MODULE = "declared_elsewhere"
SOURCE = '''"""Two functions and a thing that is none."""

from repro.study import Figure


def counted(rows):
    """Another text than the listing's."""
    return Figure(["rows"], [[len(rows)]])


def doubled(rows):
    """Twice as many."""
    return Figure(["rows"], [[2 * len(rows)]])


number = 3
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the name of a module that can be imported and has not been."""
    (tmp_path / f"{MODULE}.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield MODULE
    sys.modules.pop(MODULE, None)


@pytest.fixture
def study() -> Study:
    return Study("example", smoke=Profile(None, cannot_answer="anything"))


class TestFiguresFrom:
    def test_listing_them_imports_nothing_and_making_one_does(self, study: Study, module: str) -> None:
        study.figures_from(module, counted="How many rows there are.", doubled="And twice that.")
        assert [figures.summary(study, name) for name in study.figures] == [
            "How many rows there are.",
            "And twice that.",
        ]
        assert MODULE not in sys.modules
        assert figures.make(study, "counted", [{}, {}, {}]) == Figure(["rows"], [[3]])
        assert MODULE in sys.modules

    def test_each_name_makes_its_own_figure(self, study: Study, module: str) -> None:
        study.figures_from(module, counted="One.", doubled="Two.")
        assert [figures.make(study, name, [{}]).rows for name in study.figures] == [[[1]], [[2]]]

    def test_they_stand_beside_decorated_ones_in_declared_order(self, study: Study, module: str) -> None:
        @study.figure
        def before(_rows: object) -> Figure:
            """Before."""
            return Figure(["a"], [])

        study.figures_from(module, doubled="Two.", counted="One.")
        assert [*study.figures] == ["before", "doubled", "counted"]
        assert [function.__name__ for function in study.figures.values()] == ["before", "doubled", "counted"]

    def test_a_name_declared_twice_is_refused(self, study: Study, module: str) -> None:
        study.figures_from(module, counted="One.")
        with pytest.raises(UsageError, match="study 'example' declares figure 'counted' twice"):
            study.figures_from("another_module", counted="One more.")

    @pytest.mark.parametrize("name", ["missing", "number"])
    def test_a_function_that_the_module_lacks_is_named_with_it_when_made(
        self, study: Study, module: str, name: str
    ) -> None:
        study.figures_from(module, **{name: "Not there."})
        with pytest.raises(UsageError) as caught:
            figures.make(study, name, [])
        assert f"module {MODULE} has no function '{name}'" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_figure_may_be_called_module(self, study: Study, module: str) -> None:
        study.figures_from(module, module="A name like another.", study="And one more.")
        assert [*study.figures] == ["module", "study"]

    def test_a_summary_is_held_to_what_every_figures_is(self, study: Study, module: str) -> None:
        study.figures_from(module, counted="")
        with pytest.raises(UsageError, match="figure 'counted' has no docstring"):
            faults.check_study(study)
