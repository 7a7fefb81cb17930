"""Run published machine-learning results again, over seeds, and judge what comes out.

`repro.run`, `repro.results`, `repro.check`, `repro.audit` and `repro.judge` ask from Python what the command line asks,
and return `Made`, a pyarrow table, `CheckResult`, `Audit` and `Asked`; docs/python.md shows them. An author of a study
declares it with the names of `repro.study` and pins its data with those of `repro.data`.
"""

from __future__ import annotations

from sys import platform as _platform

if _platform == "win32":
    raise ImportError("repro holds its tables by POSIX locks, which Windows has none of; run it in WSL 2, as on Linux")

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any

    from repro.api import CheckResult as CheckResult
    from repro.api import Made as Made
    from repro.api import check as check
    from repro.api import results as results
    from repro.api import run as run
    from repro.audit.asked import Asked as Asked
    from repro.audit.asked import judge as judge
    from repro.audit.document import Audit as Audit
    from repro.audit.document import audit as audit

__version__ = "0.1.0"
__distribution__ = "repro-papers"  # on the package index, where "repro" is another project
__all__ = ["Asked", "Audit", "CheckResult", "Made", "audit", "check", "judge", "results", "run"]


def __getattr__(name: str) -> Any:
    """Return what is asked for by name. It is imported then: `import repro` alone is quick, and nox does it."""
    if name == "audit":  # the wing itself, which can be called
        import repro.audit as wing

        return wing
    if name in ("Asked", "judge"):
        from repro.audit import asked

        return getattr(asked, name)
    if name == "Audit":
        from repro.audit.document import Audit

        return Audit
    if name in __all__:
        from repro import api

        return getattr(api, name)
    raise AttributeError(f"module 'repro' has no attribute '{name}'")


def __dir__() -> list[str]:
    """Return the names that are there, those not yet imported included."""
    return sorted({*globals(), *__all__})
