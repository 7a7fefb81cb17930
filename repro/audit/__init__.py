"""Was the document right? Claims, their judges, and the verdicts that were blessed.

The wing is called what the question is called, so `repro.audit(...)` asks it: the module can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repro.audit.document import Audit


class _Question(ModuleType):
    def __call__(self, *studies: str, claims: tuple[str, ...] = ()) -> Audit:
        """Judge documents, as `repro.audit.document.audit` does."""
        from repro.audit.document import audit

        return audit(*studies, claims=claims)


# Python sets `repro.audit` to this module whenever one of its modules is imported, whatever stood under that name.
sys.modules[__name__].__class__ = _Question
