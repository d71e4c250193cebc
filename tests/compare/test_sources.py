"""Which code figures belong to: what the hash of sources covers, and what becomes of runs of other code."""

import json
import shutil
from pathlib import Path

import pytest

import oro_unlearn
from benchmarks import architectures
from benchmarks.speed import timing
from oro_unlearn.compare import jobs, sources
from oro_unlearn.compare.jobs import Job, run_stages
from tests.conftest import CONFIGS, ROOT
from tests.reliability import records


@pytest.fixture
def copy(monkeypatch):
    """A copy of the package whose files may be changed."""
    shutil.copytree(sources.PACKAGE, "copy", ignore=shutil.ignore_patterns("__pycache__", "scenes_clip"))
    monkeypatch.setattr(sources, "PACKAGE", Path("copy"))

    def changed(name: str, text: str = "SURPLUS = 1\n") -> None:
        path = Path("copy", name)
        path.write_text(path.read_text() + text)
        sources.sources.cache_clear()

    sources.sources.cache_clear()
    yield changed
    sources.sources.cache_clear()


def test_sources_are_everything_a_run_goes_through(copy):
    before = {name: sources.sources(name) for name in ("EUk", "SCRUB", "")}
    copy("methods/classes/eu_k.py", "# a comment\n")
    assert {name: sources.sources(name) for name in before} == before
    for part in (
        "data/images/labelled_images.py",
        "networks/resnet.py",
        "metrics/u_lira.py",
        "methods/classes/cache.py",
        "attacks/scores.py",
    ):
        copy(part)
        after = {name: sources.sources(name) for name in before}
        assert all(after[name] != value for name, value in before.items()), part
        before = after
    copy("methods/classes/cf_k.py")
    assert sources.sources("SCRUB") == before["SCRUB"]
    assert sources.sources("EUk") != before["EUk"], "it inherits from it"
    assert sources.sources() != before[""]


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Nothing but a command that is never run, and what it would leave."""

    def run(self: Job, *words: str) -> None:
        (self.folder / "report.json").write_text("{}")
        self.mark_finished()

    monkeypatch.setattr(Job, "run", run)
    monkeypatch.setattr(jobs, "sources", lambda method, more: "first code")
    made = Job(tmp_path / "out", CONFIGS / "digits/original.yaml", 0, [], [])
    run_stages([[made]], processes=1, backend="sequential")
    return made


def test_a_job_says_what_it_was(job):
    found = json.loads((job.folder / "job.key").read_text())
    assert found["sources"] == "first code"
    assert found["version"] == oro_unlearn.__version__
    assert found["command"] == job.command
    assert found["configuration"] == {str(job.config): job.config.read_text()}
    assert job.current()


@pytest.mark.parametrize("reuse", [True, False])
def test_a_job_of_other_code_is_run_again_or_named(reuse, job, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "sources", lambda method, more: "other code")
    assert job.finished()
    assert not job.current()
    run_stages([[job]], processes=1, backend="sequential", reuse=reuse)
    assert (
        f"1 finished jobs ran with other sources (first code): {'taken' if reuse else 'run again'}" in capsys.readouterr().out
    )
    found = sources.record(sources.__file__, [job])
    assert found.get("reused", {}) == ({"first code": ["out"]} if reuse else {})
    assert len(found["sources"]) == 64
    assert ("1 runs with sources first code" in sources.said(found)) is reuse


def test_a_job_of_before_there_were_sources_is_named_so(job):
    (job.folder / "job.key").write_text(job.key())
    assert job.finished()
    assert sources.record(sources.__file__, [job])["reused"] == {"not recorded": ["out"]}


def test_every_result_is_written_with_its_sources(monkeypatch):
    written = []
    for module in ("oro_unlearn.files", "tests.reliability.records"):
        monkeypatch.setattr(f"{module}.write_json", lambda content, path: written.append(content))
    records.write("memory", "", {})
    timing.write("step", [])
    architectures.write({"cells": {}}, architectures.argparse.Namespace(seed=0))
    assert len(written) == 3
    assert all(content["sources"] and content["version"] and content["command"] for content in written)
    scripts = [path for path in (ROOT / "benchmarks").rglob("*.py") if "write_json(" in path.read_text()]
    without = {path.name for path in scripts if "record(" not in path.read_text()}
    assert not without


def test_results_without_sources_serve_for_tables():
    assert sources.said({}) == "sources not recorded"
