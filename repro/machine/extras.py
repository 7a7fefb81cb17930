"""What only some verbs need and an installation may lack: the extras of the distribution."""

from __future__ import annotations

import importlib.util

from repro.errors import InfrastructureError

EXTRAS = {
    "report": ("matplotlib", "jinja2"),
    "bundle": ("rocrate", "in_toto_attestation"),
    "dask": ("dask", "distributed"),
}  # pyproject.toml


def require(extra: str) -> None:
    """Raise InfrastructureError where a package of an extra is not installed; nothing is imported."""
    from repro import __distribution__

    lacking = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if lacking:
        raise InfrastructureError(
            f"{' and '.join(lacking)} not installed, which this needs: "
            f"`python -m pip install '{__distribution__}[{extra}]'` brings it"
        )
