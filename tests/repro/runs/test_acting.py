"""What a study's module does beside binding names is part of a run's identity, though no experiment mentions it."""

import importlib
import sys
from pathlib import Path

import pytest

from repro.runs import acting
from repro.runs.fingerprint import fingerprint
from tests.repro.conftest import toy_source

REGISTRY = "M = {}\ndef register(f):\n    M[f.__name__] = f\n    return f\n"
LAYERS = "class Layer:\n    rate = 1\nA, B = Layer(), Layer()\nKEPT = [A, B]\n"
UNNAMED = {  # what an experiment's module does beside the statements of the names that the experiment mentions
    "a star import": ("from .helpers import *\n", "step()", {"helpers": "def step(): return $"}),
    "a function that is called once": ("C = {}\ndef setup():\n    C['lr'] = $\nsetup()\n", "C['lr']", {}),
    "a global that it sets": ("R = 1\ndef setup():\n    global R\n    R = $\nsetup()\n", "R", {}),
    "a call in a loop": ("C = {}\nfor n in ('a',):\n    C.update({n: $})\n", "C['a']", {}),
    "a call below a condition": ("C = []\nif True:\n    C.append($)\n", "C[0]", {}),
    "a call in a context": ("import io\nC = {}\nwith io.StringIO():\n    C.update(a=$)\n", "C['a']", {}),
    "a call whose answer nobody wants": ("C = {}\n_ = C.update(a=$)\n", "C['a']", {}),
    "a call whose answer somebody wants": ("C = {}\nOLD = C.setdefault('a', $)\n", "C['a']", {}),
    "own code that is given a list": ("C = []\ndef fill(some):\n    some.append($)\nN = fill(C)\n", "C[0]", {}),
    "a function whose answer is kept": ("C = {}\ndef setup():\n    C['lr'] = $\n    return True\nREADY = setup()\n",
                                        "C['lr']", {}),
    "a function that a condition asks": ("C = {}\ndef setup():\n    C['lr'] = $\n    return True\nif not setup():\n"
                                         "    raise ValueError\n", "C['lr']", {}),
    "a global that is set for an answer": ("R = 1\ndef setup():\n    global R\n    R = $\n    return 1\nOK = setup()\n",
                                           "R", {}),
    "what a called function calls": ("C = []\ndef fill():\n    C.append($)\ndef setup():\n    fill()\n    return 1\n"
                                     "OK = [setup() for _ in '1']\n", "C[0]", {}),
    "the body of a class": ("C = {}\nclass A:\n    C['lr'] = $\n", "C['lr']", {}),
    "a call in the body of a class": ("C = {}\nclass A:\n    old = C.update(lr=$)\n", "C['lr']", {}),
    "what a base keeps by itself": ("M = []\nclass B:\n    def __init_subclass__(cls):\n        M.append(cls)\n"
                                    "class C(B):\n    pass\nclass A(C):\n    y = $\n", "M[1].y", {}),
    "what a metaclass keeps": ("M = []\nclass T(type):\n    def __init__(cls, *of):\n        M.append(cls)\n"
                               "class B(metaclass=T):\n    pass\nclass A(B):\n    y = $\n", "M[1].y", {}),
    "a decorator that keeps by itself": ("M = []\ndef keep(f):\n    M.append(f)\n@keep\ndef sgd(): return $\n",
                                         "M[0]()", {}),
    "own code elsewhere that is set up for an answer": (
        "from . import helpers\nfrom .helpers import get\nREADY = helpers.configure($)\n", "get()", {
            "helpers": "C = {}\ndef configure(x):\n    C['lr'] = x\n    return 1\ndef get(): return C['lr']\n"}),
    "own code that a star brings": ("from .helpers import *\nREADY = configure($)\n", "C['lr']", {
        "helpers": "C = {}\ndef configure(x):\n    C['lr'] = x\n    return 1\n"}),
    "own code that two modules hand to one another": (
        "from .pack import configure\nfrom .helpers import C\nREADY = configure($)\n", "C[0]", {
            "pack": "configure = len\nfrom .helpers import configure\n",
            "helpers": "from .pack import configure\nC = []\ndef configure(x):\n    C.append(x)\n    return 1\n"}),
    "own code that a package hands on": ("from .pack import configure, get\nREADY = configure($)\n", "get()", {
        "pack": "from .helpers import configure, get\n",
        "helpers": "C = {}\ndef configure(x):\n    C['lr'] = x\n    return 1\ndef get(): return C['lr']\n"}),
    "a decorator": (f"{REGISTRY}@register\ndef sgd(): return $\n", "M['sgd']()", {}),
    "a decorator of a helper": ("from .helpers import M, register\n@register\ndef sgd(): return $\n", "M['sgd']()",
                                {"helpers": REGISTRY}),
    "a module imported for its effect": ("from . import plugins\nfrom .helpers import M\n", "M['sgd']()", {
        "helpers": REGISTRY, "plugins": "from .helpers import register\n@register\ndef sgd(): return $\n"}),
    "a name imported for its effect": ("from .helpers import M\nfrom .plugins import sgd\n", "M['sgd']()", {
        "helpers": REGISTRY, "plugins": "from .helpers import register\n@register\ndef sgd(): return $\n"}),
    "a helper that is altered": ("from . import helpers\nfrom .helpers import get\nhelpers.R = $\n", "get()",
                                 {"helpers": "R = 0\ndef get(): return R\n"}),
    "a setting of a package": ("import sched\nfrom .helpers import get\nsched.RATE = $\n", "get()",
                               {"helpers": "import sched\ndef get(): return sched.RATE\n"}),
    "a class that a helper's base keeps": ("from .helpers import Base, M\nclass A(Base):\n    y = $\n", "M[0].y", {
        "helpers": "M = []\nclass Base:\n    def __init_subclass__(cls):\n        M.append(cls)\n"}),
    "a decorator in a block": ("try:\n    from .helpers import M, register\nexcept ImportError:\n    M = {}\n"
                               "@register\ndef sgd(): return $\n", "M['sgd']()", {"helpers": REGISTRY}),
    "a function decorated in a block": (f"{REGISTRY}if True:\n    @register\n    def sgd(): return $\n",
                                        "M['sgd']()", {}),
    "an import in a block": ("try:\n    from . import plugins\nexcept ImportError:\n    pass\n"
                             "from .helpers import M\n", "M['sgd']()", {
        "helpers": REGISTRY, "plugins": "from .helpers import register\n@register\ndef sgd(): return $\n"}),
    "a star import in a block": ("if True:\n    from .helpers import *\n", "step()",
                                 {"helpers": "def step(): return $"}),
    "names looked up as texts": ("def sgd(): return $\n", "globals()['sgd']()", {}),
    "classes below one": ("class B:\n    pass\nclass A(B):\n    x = $\n", "B.__subclasses__()[0].x", {}),
    "a part under a second name": ("C = {'net': {'rate': 0}}\nnet = C['net']\nnet['rate'] = $\n", "C['net']", {}),
    "a part in a loop": (f"{LAYERS}for one in KEPT:\n    one.rate = $\n", "A.rate", {}),
    "a part in a loop over names": (f"{LAYERS}for one in (A, B):\n    one.rate = $\n", "A.rate", {}),
    "a view": ("import numpy as np\nW = np.zeros(3)\nV = W[1:]\nV[:] = $\n", "W[1]", {}),
    "an answer put elsewhere": ("import numpy as np\nW = np.zeros(3)\nZ = np.add(W, $, out=W)\n", "W[1]", {}),
    "an answer put elsewhere in order": ("import numpy as np\nW = np.zeros(3)\nZ = np.exp($ + W, W)\n", "W[1]", {}),
    "a list that grows under a second name": ("A = []\nB = A\nB += [$]\n", "A", {}),
    "a part of a part": ("A = {}\nB = {'a': A}\nB['a']['r'] = $\n", "A", {}),
    "a wrapped dict": ("from collections import ChainMap\nA = {}\nB = ChainMap(A)\nB['r'] = $\n", "A", {}),
    "a name in a context": ("from contextlib import nullcontext\nA = {}\nwith nullcontext(A) as b:\n    b['r'] = $\n",
                            "A", {}),
    "names as a dict": ("RATE = 0\nglobals()['RATE'] = $\n", "RATE", {}),
    "names of a helper as a dict": ("from . import helpers\nD = vars(helpers)\nD['R'] = $\n", "helpers.R",
                                    {"helpers": "R = 0\n"}),
    "a name bound by a pattern": ("match {'rate': $}:\n    case {'rate': RATE}:\n        pass\n", "RATE", {}),
    "a name bound by an error": (
        "try:\n    raise ValueError($)\nexcept ValueError as error:\n    E = error.args\n", "E", {}),
    "a function that fills what it is given": (
        "C = {}\ndef fill(c):\n    c['rate'] = $\ndef setup():\n    fill(C)\n    return 1\nREADY = setup()\n", "C", {}),
    "a function's second name of a global": (
        "C = {}\ndef setup():\n    c = C\n    c['rate'] = $\n    return 1\nREADY = setup()\n", "C", {}),
    "a method of a new object": (
        "C = {}\nclass L:\n    def load(self):\n        C['r'] = $\nREADY = L().load()\n", "C", {}),
    "what is done to a new object": ("C = {}\nclass L:\n    def __init__(self):\n        self.load()\n"
                                     "    def load(self):\n        C['r'] = $\nONE = L()\n", "C", {}),
    "what a case's class does": (
        "from repro.study import grid\nC = {}\nclass K:\n    def __init__(self, x):\n        C['r'] = $\n"
        "KS = grid(K, x=(1,))\n", "C", {}),
    "a class that each object sets": (
        "class L:\n    def __init__(self):\n        type(self).n = $\nONE = L()\n", "L.n", {}),
    "a decorator of a block": ("C = {}\nif True:\n    def keep(f):\n        C['rate'] = $\n        return f\n"
                               "@keep\ndef other():\n    pass\n", "C", {}),
    "an own function that is handed on": (
        "A = {}\ndef g():\n    A['r'] = $\ndef h(f):\n    return f()\nX = h(g)\n", "A", {}),
    "an own function that Python calls": ("A = {}\nX = sorted([1], key=lambda x: A.update(r=$))\n", "A", {}),
    "a method that Python calls": ("A = {}\nX = [*map(A.update, [{'r': $}])]\n", "A", {}),
    "a field's value": ("from dataclasses import dataclass, field\nA = {}\ndef g():\n    A['r'] = $\n@dataclass\n"
                        "class K:\n    x: int = field(default_factory=g)\nX = K()\n", "A", {}),
    "a default": ("A = {}\ndef g():\n    A['r'] = $\ndef f(a=g()):\n    pass\n", "A", {}),
    "a setting of a package that is answered": ("import sys\nOLD = sys.setrecursionlimit($ * 1000)\n",
                                                "__import__('sys').getrecursionlimit()", {}),
    "a setting of a package in a function": (
        "import sys\ndef setup():\n    sys.setrecursionlimit($ * 1000)\n    return 'cpu'\nDEVICE = setup()\n",
        "sys.getrecursionlimit()", {}),
    "a setting of a package elsewhere": (
        "import sys\nfrom .helpers import setup\nREADY = setup()\n", "sys.getrecursionlimit()",
        {"helpers": "import sys\ndef setup():\n    sys.setrecursionlimit($ * 1000)\n    return 1\n"}),
    "a part of a helper's dict": ("from . import helpers\nOLD = helpers.C.setdefault('r', $)\n"
                                  "from .helpers import get\n", "get()",
                                  {"helpers": "C = {}\ndef get(): return C['r']\n"}),
    "a name of a helper that a call sets": ("from . import helpers\nDONE = [setattr(helpers, 'R', $)]\n"
                                            "from .helpers import get\n", "get()",
                                            {"helpers": "R = 0\ndef get(): return R\n"}),
    "a method of a base": ("C = {}\nclass B:\n    def fill(self):\n        C['r'] = $\nclass L(B):\n"
                           "    def __init__(self):\n        super().fill()\nONE = L()\n", "C", {}),
    "a second name in a class": ("C = {}\nclass A:\n    D = C\n    D['r'] = $\n", "C", {}),
    "a method under a name": ("C = []\nadd = C.append\nDONE = add($)\n", "C", {}),
    "a dict kept by a copy": ("C = {'n': {}}\nD = dict(C)\nfor one in D.values():\n    one['r'] = $\n", "C", {}),
    "a package above what is imported": (
        "from .helpers import get\nfrom .special.deep import train\nOTHERS = [train]\n", "get()", {
            "helpers": "R = 0\ndef get(): return R\n", "special/deep": "def train(): pass\n",
            "special/__init__": "from .. import helpers\nhelpers.R = $\n"}),
    "a module that is imported for something else": (
        "from .special import train\nfrom .helpers import get\nOTHERS = [train]\n", "get()", {
            "helpers": "R = 0\ndef get(): return R\n",
            "special": "from . import helpers\nhelpers.R = $\ndef train(): pass\n"}),
    "what that imports": (
        "from .special import train\nfrom .helpers import get\nOTHERS = [train]\n", "get()", {
            "helpers": "C = {}\ndef get(): return C['r']\n", "special": "from .deep import X\ndef train(): pass\n",
            "deep": "from . import helpers\nX = helpers.C.setdefault('r', $)\n"}),
    "a decorator that is given the study": (
        "from .helpers import declared\n@declared(study, rate=$)\ndef other(): pass\n",
                                            "other.rate", {"helpers": (
        "def declared(study, rate):\n    def wrap(f):\n        f.rate = rate\n        return f\n    return wrap\n")}),
    "an own function that is given the study": (
        "from . import helpers\nhelpers.setup(study, rate=$)\n", "helpers.R",
        {"helpers": "R = 0\ndef setup(study, rate):\n    global R\n    R = rate\n"}),
    "a value of the study": ("study.rate = $\n", "study.rate", {}),
    "what a declaration is given": (
        "C = {}\ndef cases():\n    C['r'] = $\n    return ()\n@study.experiment(cases(), metrics=['v'])\n"
        "def other(case, run): pass\n", "C", {}),
    "a class that its base keeps": ("M = []\nclass B:\n    def __init_subclass__(cls):\n        M.append(cls)\n"
                                    "    def x():\n        return M[0].y\nclass A(B):\n    y = $\n", "B.x()", {}),
}  # fmt: skip


@pytest.mark.parametrize("what", UNNAMED)
def test_moves_with_what_no_name_tells(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that is registered, a setting made by a call: the result shows that the value is what the run uses."""
    before, call, files = UNNAMED[what]
    found = {}
    for value in (2, 3):
        folder = tmp_path / str(value) / "toy"
        folder.mkdir(parents=True)
        source = toy_source().replace("@study.exp", f"{before.replace('$', str(value))}\n\n@study.exp", 1)
        (folder / "__init__.py").write_text(source.replace('"""Four times', f'{call}\n    """Four times'))
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / f"{name}.py").write_text(text.replace("$", str(value)))
        for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
            monkeypatch.delitem(sys.modules, name)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / str(value))
            module = importlib.import_module("toy")
            found[value] = fingerprint(module.estimate), eval(call, vars(module))
    assert found[2][1] != found[3][1]
    assert found[2][0] != found[3][0]


HELPERS = """
import logging
import numpy as np
from dataclasses import dataclass
logger = logging.getLogger(__name__)
logger.setLevel($)
TABLE = {"a": $}
TABLE["b"] = $
@dataclass(frozen=True)
class Size:
    x: int
    def __post_init__(self):
        if self.x < 0:
            raise ValueError(f"{self.x} is below 0")
def sizes(*numbers):
    found = []
    for number in numbers:
        found.append(Size(number))
    return tuple(found)
class Net:
    def __init__(self):
        self.layers = []
        self.layers.append($)
def train(run):
    TABLE["a"] = np.random.seed(run.seed)
"""
HARMLESS = {  # what a module has beside an experiment, and what cannot change its result
    "an import of no own code": "import json\n",
    "a module that is offered": "from toy import helpers\n__all__ = ['helpers']\n__all__ += ['a$']\n",
    "a script's part": "if __name__ == '__main__':\n    print($)\n",
    "a class": "class Other:\n    x = $\n",
    "a class of a package's": (
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int = $\nPS = [P(1), P($)]\n"
    ),
    "a call that only answers": "OTHER = dict(a=$)\n",
    "a class of data": "@dataclass\nclass Other:\n    x: int = $\n",
    "numbers": "RATES = tuple(1 / x for x in ($, 2) if x > 1)\n",
    "numbers of a package": "import numpy as np\nLOW = $\nRATES = np.logspace(LOW, 9, 7).round(3).tolist()\n",
    "a dict of others": "TABLE = {}\nTABLE['a'] = $\nTABLE.update(b=$)\nfor n in range($):\n    TABLE[n] = n\n",
    "names and numbers": "SIZES = {'a': $}\nNAMES = [name.upper() for name, size in SIZES.items()]\n",
    "what is said": "import logging\nlogger = logging.getLogger(__name__)\nlogger.setLevel($)\nprint('$')\n",
    "a function that only answers": "def pairs(some):\n    found = {}\n    for a in some:\n        found[a] = a * $\n"
                                    "    return found\nCASES = pairs((1, 2))\n",
    "a helper that only answers": "from toy.helpers import sizes\nCASES = sizes(1, $)\n",
    "a helper's dict": "from toy.helpers import TABLE\nCASES = tuple((name, $) for name in TABLE.keys())\n",
    "a decorator that only answers": "def timed(f):\n    def inner(*all):\n        return f(*all)\n    return inner\n"
                                     "@timed\ndef other():\n    return $\n",
    "a function that is kept": "from functools import partial\ndef fill(a):\n    a.b = $\nOTHER = partial(fill, $)\n",
    "another experiment": (
        "from toy.helpers import train\n@study.experiment((1,), metrics=['v$'], cost=lambda case: $)\n"
        "def other(case, run):\n    return train(run) * $\n"
    ),
    "another experiment by a call": "from toy.helpers import train\nstudy.experiment((1,), metrics=['v$'])(train)\n",
    "figures": (
        "from toy.helpers import train\nstudy.figures_from('toy.figures', a='$')\n@study.figure\ndef shown(rows):\n"
        "    return $\nfor one in (train,):\n    study.figure(one)\nOTHER = $\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HARMLESS)
def test_stays_where_a_statement_does_nothing_to_others(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for number, value in enumerate(("", HARMLESS[what].replace("$", "2"), HARMLESS[what].replace("$", "3"))):
        folder = tmp_path / str(number) / "toy"
        folder.mkdir(parents=True)
        (folder / "helpers.py").write_text(HELPERS.replace("$", str(number + 1)))
        (folder / "__init__.py").write_text(toy_source() + value)
        for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
            monkeypatch.delitem(sys.modules, name)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder.parent)
            found.add(fingerprint(importlib.import_module("toy").estimate))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "affected"),
    [
        ("@MODELS.register()\nclass Net: pass\n", {"Net", "MODELS"}),
        ("class Net(MODELS.Base): pass\n", {"Net", "MODELS"}),
        ("@MODELS.quick\ndef net(): pass\nother = net\n", {"net"}),  # by its name, as any other
        ("@cached\ndef net(): pass\n", {"net"}),
    ],
)
def test_what_only_a_package_s_list_leads_to_goes_with_the_package(text: str, affected: set[str]) -> None:
    assert acting._tops(text, frozenset(), frozenset({"MODELS"}))[0].affected == affected


def test_names_that_two_modules_hand_round_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python ends there, too: the first had the name before it asked the second for it."""
    folder = tmp_path / "round"
    folder.mkdir()
    (folder / "__init__.py").write_text(toy_source().replace("import random", "import random\nfrom .one import f", 1))
    (folder / "one.py").write_text("f = len\nfrom .two import f\n")
    (folder / "two.py").write_text("from .one import f\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("round", "round.one", "round.two"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert fingerprint(importlib.import_module("round").estimate)
