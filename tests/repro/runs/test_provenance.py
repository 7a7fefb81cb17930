"""The record says what ran, from an allow-list: nothing else of the machine or its user gets in."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from repro.data import DataSet
from repro.errors import InfrastructureError, UsageError
from repro.machine.git import COMMIT, COMMIT_OUTSIDE, commit, commits, dirty_files, is_dirty, is_unknown, repositories
from repro.runs import provenance, table
from repro.runs.provenance import collect, environment_id, needs_torch, same_but_torch, torch_facts, with_torch
from repro.runs.store import belongs
from repro.study import Metric
from tests.repro.support.synthetic import make_row

FACTS = {
    "python", "system", "machine", "cpu", "isa", "threads", "device", "gpu",
    "packages", "lock", "image", "engine", "data",
}  # fmt: skip
SECRET = "hunter2-do-not-record"
PROFILE = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


@pytest.fixture(autouse=True)
def no_outer_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*provenance.IMAGE_PARTS.values(), "REPRO_ENGINE_USED", COMMIT_OUTSIDE):
        monkeypatch.delenv(name, raising=False)


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **PROFILE}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("ignored/\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_record_holds_the_listed_facts_and_no_other(tmp_path: Path) -> None:
    identity, record = collect(root=tmp_path)
    assert set(record) == FACTS
    assert set(record["packages"]) == {*provenance.PACKAGES, "repro"}
    assert set(record["isa"]) <= set(provenance.ISA_FLAGS)
    assert record["packages"]["numpy"] == importlib.metadata.version("numpy")
    assert record["cpu"]
    assert identity == environment_id(json.loads(json.dumps(record)))
    assert len(bytes.fromhex(identity)) == 8


def test_same_machine_same_identity_and_other_facts_another(tmp_path: Path) -> None:
    assert collect(root=tmp_path) == collect(root=tmp_path)
    assert collect(root=tmp_path, threads=2)[0] != collect(root=tmp_path)[0]
    assert collect(root=tmp_path, device="cuda")[0] != collect(root=tmp_path)[0]


def test_data_are_recorded_by_content(tmp_path: Path) -> None:
    data = DataSet("toy", "Toy", content="ab" * 32, read=lambda folder: {})
    other = DataSet("other", "Other", content="cd" * 32, read=lambda folder: {})
    assert collect([data], root=tmp_path)[1]["data"] == {"toy": "ab" * 32}
    assert collect([data, other], root=tmp_path)[1]["data"] == {"toy": "ab" * 32, "other": "cd" * 32}
    assert collect([data, other], root=tmp_path) == collect([other, data], root=tmp_path)


def test_no_secret_user_host_or_path_is_recorded(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "REPRO_TOKEN", "USER", "HOSTNAME"):
        monkeypatch.setenv(name, SECRET)
    for module, name in (("platform", "node"), ("socket", "gethostname"), ("getpass", "getuser")):
        monkeypatch.setattr(f"{module}.{name}", lambda: SECRET)
    git(repository, "remote", "add", "origin", f"https://user:{SECRET}@example.org/x.git")
    text = json.dumps(collect(root=repository)) + commit(repository)
    assert SECRET not in text
    assert str(repository) not in text


def test_a_recorded_secret_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_cpu_model", lambda: SECRET)
    assert SECRET in json.dumps(collect(root=tmp_path))


@pytest.mark.parametrize("variable", ["REPRO_IMAGE", "REPRO_IMAGE_TREE", "REPRO_ENGINE_USED"])
@pytest.mark.parametrize("value", [f"https://{SECRET}", f"user:{SECRET}@example.org/image", f"a={SECRET}"])
def test_image_that_could_hold_a_secret_is_refused_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=f"{variable}: expected") as caught:
        collect(root=tmp_path)
    assert SECRET not in str(caught.value)


def say_image(monkeypatch: pytest.MonkeyPatch, **parts: str) -> dict[str, str]:
    for part, value in parts.items():
        monkeypatch.setenv(provenance.IMAGE_PARTS[part], value)
    return parts


def test_image_and_engine_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = f"registry.example:5000/repro/cuda:1.0@sha256:{'0a' * 32}"
    said = say_image(monkeypatch, name=image, id="1b" * 32, digest=f"sha256:{'2c' * 32}", tree="3d" * 32)
    monkeypatch.setenv("REPRO_ENGINE_USED", "podman 4.3.1")
    record = collect(root=tmp_path)[1]
    assert (record["image"], record["engine"]) == (said, "podman 4.3.1")


def test_what_the_image_holds_makes_the_identity_and_not_who_built_or_ran_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = collect(root=tmp_path)[0]
    say_image(monkeypatch, name="a", id="1b" * 32, tree="3d" * 32)
    inside = collect(root=tmp_path)[0]
    say_image(monkeypatch, name="b", id="4e" * 32)
    monkeypatch.setenv("REPRO_ENGINE_USED", "docker 20.10")
    assert collect(root=tmp_path)[0] == inside != outside
    say_image(monkeypatch, tree="5f" * 32)
    assert collect(root=tmp_path)[0] != inside


def test_records_of_before_there_were_images_keep_their_identity() -> None:
    assert environment_id({"image": None, "engine": None, "cpu": "x"}) == "0332f8c77f49ac2f"


def test_without_git_the_commit_is_what_was_found_outside(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = commit(repository)
    monkeypatch.setenv(COMMIT_OUTSIDE, f"{'0a' * 20}+dirty")
    assert commit(repository) == head
    monkeypatch.setattr(provenance.shutil, "which", lambda name: None)
    assert commit(repository) == f"{'0a' * 20}+dirty"
    monkeypatch.setenv(COMMIT_OUTSIDE, f"see {SECRET}")
    with pytest.raises(UsageError, match="REPRO_COMMIT: expected 40 hex digits") as caught:
        commit(repository)
    assert SECRET not in str(caught.value)


def test_gpu_comes_from_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "nvidia-smi", "echo 'NVIDIA H200, 580.159.03'; echo 'NVIDIA H200, 580.159.03'")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert collect(root=tmp_path)[1]["gpu"] == [{"name": "NVIDIA H200", "driver": "580.159.03"}] * 2


def test_no_gpu_where_nvidia_smi_is_absent_or_finds_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert collect(root=tmp_path)[1]["gpu"] == []
    program(tmp_path, "nvidia-smi", "echo 'no driver'; exit 9")
    assert collect(root=tmp_path)[1]["gpu"] == []


def test_unexpected_failure_of_nvidia_smi_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "nvidia-smi", "echo 'fell off the bus'; exit 15")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match=r"nvidia-smi: exit 15 \(fell off the bus\)"):
        collect(root=tmp_path)
    program(tmp_path, "nvidia-smi", "exec /bin/sleep 5")
    monkeypatch.setattr(provenance, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(InfrastructureError, match="no answer"):
        collect(root=tmp_path)


def test_commit_of_a_clean_repository(repository: Path) -> None:
    (repository / "ignored").mkdir()
    (repository / "ignored" / "result").write_text("1")
    assert commit(repository) == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_changed_or_untracked_file_makes_the_commit_dirty(repository: Path, name: str) -> None:
    (repository / name).write_text("x = 2\n")
    assert commit(repository) == f"{git(repository, 'rev-parse', 'HEAD')}+dirty"


def test_no_commit_without_git_a_repository_or_a_first_commit(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bare = tmp_path_factory.mktemp("bare")
    assert commit(bare) == ""
    git(bare, "init", "-q")
    assert commit(bare) == ""
    monkeypatch.setenv("PATH", str(bare))
    assert commit(repository) == ""


def test_commit_of_an_enclosing_repository_is_not_ours(repository: Path) -> None:
    """An installed package below somebody's ignored virtual environment has no commit."""
    (repository / "ignored").mkdir()
    assert commit(repository / "ignored") == ""


@pytest.mark.parametrize(
    "name", ["results/a/smoke.parquet", "a/__pycache__/x.pyc", "kept/one.parquet", "kept/one.lock"]
)
def test_what_runs_leave_makes_no_tree_dirty(repository: Path, name: str) -> None:
    (repository / name).parent.mkdir(parents=True)
    (repository / name).write_text("x")
    store = repository / "kept/one.parquet"
    assert dirty_files(repository, lambda path: belongs(path, store)) == []
    assert not is_dirty(commit(repository, lambda path: belongs(path, store)))


def test_dirty_files_are_named(repository: Path) -> None:
    (repository / "code.py").write_text("x = 2\n")
    (repository / "new").mkdir()
    (repository / "new/file one.py").write_text("")
    (repository / "one.py").write_text("")  # beside a store of that name
    store = repository / "one.parquet"
    assert dirty_files(repository, lambda path: belongs(path, store)) == ["code.py", "new/file one.py", "one.py"]


def test_the_commit_is_of_the_repositories_that_the_code_lies_in(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, nowhere = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("nowhere")
    for folder in (library, nowhere):
        (folder / "train.py").write_text("RATE = 0.1\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "library"]):
        git(library, *arguments)
    monkeypatch.chdir(nowhere)  # the current folder says nothing
    one, other = (git(folder, "rev-parse", "HEAD") for folder in (repository, library))
    code, train, lost = repository / "code.py", library / "train.py", nowhere / "train.py"
    assert commits({code: "study"}, nowhere) == one
    assert commits({code: "study", train: "mylib"}, nowhere) == f"{one}; mylib {other}"
    train.write_text("RATE = 0.05\n")
    both = commits({code: "study", train: "mylib"}, nowhere)
    assert both == f"{one}; mylib {other}+dirty"
    assert is_dirty(both)
    assert not is_unknown(both)
    unknown = commits({code: "study", lost: "lost"}, nowhere)
    assert unknown == f"{one}; lost no commit"
    assert is_unknown(unknown)
    assert commits({lost: "lost"}, nowhere) == commits({}, nowhere) == ""
    assert commits({lost: "lost", code: "study"}, nowhere) == f"no commit; study {one}"
    for text in (both, unknown, f"no commit; study {one}", one):
        assert COMMIT.fullmatch(text)
    assert not COMMIT.fullmatch("no commit")
    assert [*repositories([code, train, lost], nowhere)] == [repository, library, None]


def test_code_that_git_ignores_has_no_commit(repository: Path) -> None:
    (repository / "ignored").mkdir()
    (repository / "ignored/train.py").write_text("")
    owners = {repository / "code.py": "study", repository / "ignored/train.py": "mylib"}
    assert commits(owners, repository) == ""


def test_without_git_what_was_found_outside_is_the_project_s(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMMIT_OUTSIDE, "0a" * 20)
    monkeypatch.setattr(provenance.shutil, "which", lambda name: None)
    owners = {repository / "code.py": "study", tmp_path_factory.mktemp("library") / "train.py": "mylib"}
    assert commits(owners, repository) == f"{'0a' * 20}; mylib no commit"


def test_torch_s_facts_are_asked_only_where_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert torch_facts() is None
    code = (
        "import torch; from repro.runs.provenance import torch_facts; torch.use_deterministic_algorithms(True); "
        "torch.backends.cudnn.benchmark = True; import json; print(json.dumps(torch_facts()))"
    )
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    found = json.loads(done.stdout)
    assert (found["capability"], found["deterministic"], found["cudnn_benchmark"]) == ("DEFAULT", True, True)


def test_what_torch_said_is_a_fact_of_the_record_and_old_records_keep_their_identity() -> None:
    old = {"image": None, "engine": None, "cpu": "x"}
    assert with_torch(old, None) == ("0332f8c77f49ac2f", old)
    name, record = with_torch(old, {"capability": "AVX2"})
    assert (name, record["torch"]) == (environment_id(record), {"capability": "AVX2"})
    assert name != "0332f8c77f49ac2f"
    records = {name: record, "0332f8c77f49ac2f": old, "other": {**old, "cpu": "y"}}
    assert same_but_torch(records, old) == {name, "0332f8c77f49ac2f"}


def test_only_packages_that_ask_for_torch_need_it() -> None:
    asked = [needs_torch(name) for name in ("torch", "torchvision", "numpy", "no-such-package-zz")]
    assert asked == [True, True, False, False]


AVX2, PLAIN = {"capability": "AVX2"}, {"capability": "DEFAULT"}


def of_torch(place: int, said: dict[str, str] | None) -> pa.Table:
    """Return a table of one row, whose environment's record holds this of torch."""
    row = make_row("noisy", "{}", Metric("m"), 0, 0, 1.0) | {"environment": str(place)}
    return table.build([row], {str(place): {"cpu": "x", **({"torch": said} if said else {})}})


def kinds(*said: dict[str, str] | None) -> list[str]:
    """Return the kinds of machines of records that differ in what torch said, each in a table of its own."""
    found = table.strata(*(of_torch(place, one) for place, one in enumerate(said)))
    return [found[str(place)] for place in range(len(said))]


def test_another_capability_is_another_kind_of_machine_and_an_unknown_one_is_the_golden_s() -> None:
    assert len(set(kinds(AVX2, AVX2, None))) == 1
    assert len(set(kinds(None, AVX2))) == len(set(kinds(None, None))) == 1
    old, new, unknown = kinds(PLAIN, AVX2, None)
    assert unknown == old != new
    found = table.strata(of_torch(0, PLAIN), here={"cpu": "x"})
    assert found[""] == found["0"]
    assert table.strata(of_torch(0, PLAIN), here={"cpu": "y"})[""] != found["0"]


def test_commit_ignores_a_hook_s_git_dir(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path_factory.mktemp("elsewhere")))
    assert len(commit(repository)) == 40
