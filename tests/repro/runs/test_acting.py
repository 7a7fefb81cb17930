"""What a study's module does beside binding names is part of a run's identity, though no experiment mentions it."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

from repro.runs import acting
from repro.runs.fingerprint import fingerprint
from tests.repro.conftest import toy_source

REGISTRY = "M = {}\ndef register(f):\n    M[f.__name__] = f\n    return f\n"
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
            (folder / f"{name}.py").write_text(text.replace("$", str(value)))
        for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
            monkeypatch.delitem(sys.modules, name)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / str(value))
            module = importlib.import_module("toy")
            found[value] = fingerprint(module.estimate), eval(call, vars(module))
    assert found[2][1] != found[3][1]
    assert found[2][0] != found[3][0]


@pytest.mark.parametrize(
    "text",
    [
        "import json\n",  # of no own code
        "from toy import helpers\n__all__ = ['helpers']\n",
        "if __name__ == '__main__':\n    print($)\n",
        "class Other:\n    x = $\n",
        "OTHER = dict(a=$)\n",
        "@dataclass\nclass Other:\n    x: int = $\n",
    ],
)
def test_stays_where_a_statement_binds_what_nobody_uses(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for number, value in enumerate(("", text.replace("$", "2"), text.replace("$", "3"))):
        folder = tmp_path / str(number) / "toy"
        folder.mkdir(parents=True)
        (folder / "helpers.py").write_text("")
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
    tree = ast.parse(text)
    none = frozenset[str]()
    assert acting.Statements(tree, tree.body, none, none, frozenset({"MODELS"})).affected(tree.body[0]) == affected


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
