"""What a study declares: metrics, profiles, experiments, figures. Declarations are values, behaviour is functions."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from repro.errors import UsageError

if TYPE_CHECKING:
    from repro.checkpoint import Checkpoint
    from repro.data import DataSet


Status = Literal["ok", "nonfinite"]
SCALARS = frozenset({str, int, float, bool, type(None)})
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Metric:
    """One number a run reports.

    `unit` is printed and compared ("%", "nats", "1", "epoch"). A `judged` metric is held inside the golden band; any
    other is recorded, and its presence and unit are still checked. `counted` says that the value is a share of
    `n_test` counted items in percent, so that its quantum is 100/n_test. `step` is the grid on which other values lie,
    in the metric's unit: 1 for epochs, the interval for what is looked at now and then. `useful` is the smallest change
    that a check is wanted to see, in the metric's unit; a row that cannot see it is called underpowered.
    """

    name: str
    unit: str = "1"
    judged: bool = True
    counted: bool = False
    useful: float | None = None
    step: float | None = None

    def quantum(self, n_test: int | None) -> float:
        """Return the distance of neighbouring values, 0 where they lie on no grid."""
        return 100.0 / n_test if self.counted and n_test else float(self.step or 0.0)


@dataclass(frozen=True)
class Outcome:
    """What one run found: a value for every declared metric, and what else is worth keeping.

    A `nonfinite` outcome (the loss left the real numbers) has no values: `detail` says where it happened.
    `curves` maps a metric's name to its value after each epoch.
    """

    values: Mapping[str, float]
    status: Status = "ok"
    detail: str = ""
    n_test: int | None = None
    epochs: int | None = None
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


DataOf = Callable[[Any], "DataSet | None"]


@dataclass(frozen=True)
class Profile:
    """How much to spend: the settings an experiment reads from its run, the data, and how often to repeat.

    `data` is one set for every case, or a function from a case to its own set (None for a case without data).
    `experiments` maps the names of the profile's experiments to a filter over their case fields ({} keeps every
    case); None stands for every experiment. A `faithful` profile follows the document's protocol on its real data,
    and only such a profile answers claims. `golden_seeds` is the number of replicates a blessed row needs.
    `cannot_answer` is one line: what this profile can not say, and which command can. `runs_per_device` is how many
    runs fit one GPU at once, for an engine that gives each its own.
    """

    settings: Any
    data: DataSet | DataOf | None = None
    replicates: int = 1
    golden_seeds: int = 10
    experiments: Mapping[str, Mapping[str, Sequence[Any]]] | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    faithful: bool = False
    cannot_answer: str = ""
    runs_per_device: int = 1

    def data_of(self, case: Any) -> DataSet | None:
        """Return the data set that a case is run on, None for none."""
        return self.data(case) if callable(self.data) else self.data


@dataclass(frozen=True)
class Run:
    """What an experiment is handed beside its case.

    The harness seeds nothing: the experiment derives every random number from `seed`. `device` is "cpu" or "cuda".
    `checkpoint` is where a long experiment keeps its state, None where nobody would take it up again.
    """

    study: str
    experiment: str
    profile: str
    case: str
    replicate: int
    seed: int
    settings: Any
    data: DataSet | None
    device: str = "cpu"
    checkpoint: Checkpoint | None = None

    @property
    def dataset(self) -> DataSet:
        """Return the case's data set. Raise UsageError where the profile names none."""
        if self.data is None:
            where = f"study '{self.study}', profile '{self.profile}'"
            raise UsageError(f"{where} names no data; give the profile a DataSet")
        return self.data


Function = Callable[[Any, Run], Outcome | Mapping[str, float]]


@dataclass(frozen=True)
class Experiment:
    """A function over cases. `axes` names the two case fields that span the printed grid, if there are any.

    `deterministic` experiments draw no random numbers; any other must give another result for another seed.
    `cost` estimates the relative cost of a case, so that cheap cases can run first. A `portable` experiment gives one
    seed the same bits in every environment of one kind of machine; any other is not replayed by a check. One that
    `resumes` keeps its state in the run's checkpoint, and ends with the same bits wherever it was cut off.
    """

    name: str
    function: Function
    cases: tuple[Any, ...]
    metrics: tuple[Metric, ...]
    axes: tuple[str, str] | None = None
    deterministic: bool = False
    cost: Callable[[Any], float] | None = None
    portable: bool = True
    resumes: bool = False

    @property
    def summary(self) -> str:
        """Return the first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True)
class Figure:
    """A picture a study shows, with the table of what it shows; without `draw` it is the table alone.

    A cell is a text, a number or None; real numbers are printed to six digits, so give a text where the digits matter.
    `draw(canvas)` gets an empty matplotlib.figure.Figure, the canvas, draws on it and imports matplotlib, if at all,
    inside.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    notes: str = ""
    draw: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        """Refuse a table whose rows are not as long as its headers."""
        uneven = [number for number, row in enumerate(self.rows) if len(row) != len(self.headers)]
        if uneven or not self.headers:
            at = f"row {uneven[0]} has {len(self.rows[uneven[0]])} cells" if uneven else "a table needs some"
            raise UsageError(f"figure: {len(self.headers)} headers, and {at}; give each column its header")


Show = Callable[[Sequence[Mapping[str, Any]]], Figure]


def _shown_by(module: str, name: str, summary: str) -> Show:
    """Return a figure that imports its module when it is made. Raise UsageError then, if that has no such function."""

    def show(rows: Sequence[Mapping[str, Any]]) -> Figure:
        function: Show | None = getattr(importlib.import_module(module), name, None)
        if not callable(function):
            raise UsageError(
                f"figure '{name}': module {module} has no function '{name}'; define it there or rename one"
            )
        return function(rows)

    show.__name__ = show.__qualname__ = name
    show.__doc__ = summary
    show.__module__ = module  # where its code lies
    return show


def case_json(case: Any) -> str:
    """Return the canonical JSON of a case: sorted keys, no blanks, floats as Python prints them."""
    declared = () if isinstance(case, type) or not dataclasses.is_dataclass(case) else dataclasses.fields(case)
    plain = {one.name: getattr(case, one.name) for one in declared}
    if not plain or any(type(value) not in SCALARS for value in plain.values()):
        plain = dataclasses.asdict(case)  # which copies whatever a field holds, and so takes its time
    return _CANONICAL.encode(plain)


def settings_json(settings: Any) -> str:
    """Return the canonical JSON of a profile's settings (a frozen dataclass, or None)."""
    plain = not dataclasses.is_dataclass(settings) or isinstance(settings, type)
    value = settings if plain else dataclasses.asdict(settings)
    return _CANONICAL.encode(value)


def grid(factory: Callable[..., Any], **factors: Sequence[Any]) -> tuple[Any, ...]:
    """Return every combination of the factors as a case, the last factor running fastest."""
    return tuple(factory(**dict(zip(factors, values, strict=True))) for values in itertools.product(*factors.values()))


class Study:
    """A document under audit: its experiments and its profiles.

    `Study("name", smoke=Profile(...), ...)` declares it; `@study.experiment(cases, metrics=...)` adds an experiment
    and `@study.figure` a figure, each under the decorated function's name. `data` are further sets that the study
    offers and no profile uses. `retries` is how often a run is begun again on a cluster, with the same seed, after the
    machine ended it: a lost worker, no memory, a GPU's error. What the study's own code raises is never tried again.
    """

    def __init__(
        self, name: str, *, title: str = "", data: Sequence[DataSet] = (), retries: int = 2, **profiles: Profile
    ) -> None:
        self.name = name
        self.module: str = sys._getframe(1).f_globals["__name__"]  # where it is declared
        self.title = title
        self.offered: tuple[DataSet, ...] = tuple(data)
        self.retries = retries
        self.profiles: dict[str, Profile] = profiles
        self.experiments: dict[str, Experiment] = {}
        self.figures: dict[str, Show] = {}

    def experiment(
        self,
        cases: Sequence[Any],
        *,
        metrics: Sequence[Metric | str],
        axes: tuple[str, str] | None = None,
        deterministic: bool = False,
        cost: Callable[[Any], float] | None = None,
        portable: bool = True,
        resumes: bool = False,
    ) -> Callable[[Function], Function]:
        """Register the decorated function as an experiment over `cases`; a metric given as a name has unit 1."""
        declared = tuple(Metric(metric) if isinstance(metric, str) else metric for metric in metrics)

        def register(function: Function) -> Function:
            name = function.__name__
            if name in self.experiments:
                raise UsageError(f"study '{self.name}' declares experiment '{name}' twice; rename one of them")
            self.experiments[name] = Experiment(
                name, function, tuple(cases), declared, axes, deterministic, cost, portable, resumes
            )
            return function

        return register

    def figure(self, function: Show) -> Show:
        """Register a function from the rows of a result table (dicts in the results schema) to a figure.

        Its docstring is what the listing prints. The rows may be none; one that needs some raises NothingSelectedError.
        """
        name = function.__name__
        if name in self.figures:
            raise UsageError(f"study '{self.name}' declares figure '{name}' twice; rename one of them")
        self.figures[name] = function
        return function

    def figures_from(self, module: str, /, **summaries: str) -> None:
        """Register functions of a module as figures, each by its name and what the listing prints of it.

        The module is not imported before one of them is made: it may import what listings leave alone.
        """
        for name, summary in summaries.items():
            self.figure(_shown_by(module, name, summary))

    def select(self, profile: str) -> Iterator[tuple[Experiment, Any]]:
        """Yield the (experiment, case) pairs of a profile, in declared order."""
        wanted = self.profiles[profile].experiments
        for experiment in self.experiments.values():
            if wanted is not None and experiment.name not in wanted:
                continue
            filters = (wanted or {}).get(experiment.name, {})
            for case in experiment.cases:
                if all(getattr(case, name) in allowed for name, allowed in filters.items()):
                    yield experiment, case

    def data_sets(self, profile: str | None = None) -> tuple[DataSet, ...]:
        """Return the data sets of a profile, or of all profiles and those offered besides, once each, as declared."""
        every: Sequence[DataSet | None]
        if profile is None:
            every = [one for name in self.profiles for one in self.data_sets(name)] + [*self.offered]
        elif callable(self.profiles[profile].data):
            every = [self.profiles[profile].data_of(case) for _, case in self.select(profile)]
        else:
            every = [self.profiles[profile].data_of(None)]
        found: list[DataSet] = []
        for one in every:
            if one is not None and one not in found:
                found.append(one)
        return tuple(found)


def case_words(case: str) -> str:
    """Return a case's canonical JSON as 'field=value' words, floats to four digits."""
    fields: dict[str, Any] = json.loads(case)
    return " ".join(f"{name}={_short(value)}" for name, value in fields.items())


def words_of(cases: Iterable[str]) -> dict[str, str]:
    """Return cases in words, by their JSON; those whose words would be the same have their values in full."""
    texts = {case: case_words(case) if case.startswith("{") else case for case in cases}
    often = Counter(texts.values())
    return {case: text if often[text] == 1 else _in_full(case) for case, text in texts.items()}


def _in_full(case: str) -> str:
    return " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in json.loads(case).items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
