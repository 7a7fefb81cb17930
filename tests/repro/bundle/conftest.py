"""What tests of bundles share."""

from pathlib import Path

import pytest

from repro.bundle import apart


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read bundles in this process, without bounds on memory and time: what is said of one is the same, and sooner."""

    def answer(bundle: Path, signers: Path | None = None, log: Path | None = None) -> apart.Answer:
        return apart.told(*apart.read(bundle, signers, log))

    monkeypatch.setattr(apart, "answer", answer)
