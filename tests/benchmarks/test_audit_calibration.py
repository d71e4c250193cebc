"""The calibration of the verdict, on models that are made up."""

from benchmarks import audit_calibration
from benchmarks.audit_calibration import SAID, Scored, calibration_table, counted, parsed, parser, plan
from oro_unlearn.compare.jobs import Job
from tests.audit.test_verdict import TARGET, model


def made_up() -> dict[str, list[Scored]]:
    """Six retrained models, an original, and its mask."""
    known, unknown = {"relearn_10": 0.95, "silhouette": 0.7}, {"relearn_10": 0.6, "silhouette": 0.3}
    spread = {n: {name: value + 0.01 * n for name, value in unknown.items()} for n in range(6)}
    return {
        "original": [Scored("original", 0, model(0, True), known)],
        "retrained": [Scored("retrained", n, model(10 + n, False), spread[n]) for n in range(6)],
        "logit_mask": [Scored("logit_mask", 0, model(0, True, masked=True), known)],
    }


def test_each_kind_is_audited_beside_references_that_it_is_not_among():
    options = parser().parse_args(["--references", "4", "9", "--draws", "2", "--processes", "1"])
    rows = counted(made_up(), TARGET, options)
    assert [(row["edited"], row["references"], row["draws"]) for row in rows] == [
        ("retrained", 4, 2),
        *((kind, 4, 2) for kind in ("logit_mask", "original")),
    ], "nine of six cannot be drawn"
    said = {row["edited"]: row["answers"] for row in rows}
    assert said["original"]["answers"] == {"no": 1}
    assert said["logit_mask"]["answers"] == said["retrained"]["answers"] == {"yes": 1}
    assert said["logit_mask"]["forgotten features"] == {"no": 1}
    table = calibration_table({"rows": rows})
    assert len(table) == 1 + 3 * len(SAID)
    assert ["LogitMask (free control)", "forgotten features", "0.00 / 1.00"] in table


def test_every_model_is_scored_after_it_was_trained(tmp_path):
    given = [
        "--retrained",
        "2",
        "--originals",
        "1",
        "--runs",
        str(tmp_path),
        "--data",
        "mnist_small",
        "--",
        "--data.root",
        "here",
    ]
    jobs = plan(parsed(parser(), given))
    everything = [*jobs.originals, *jobs.retrained, *jobs.scorings, *(job for own in jobs.edits.values() for job in own)]
    assert {job.config.parent.name for job in everything} == {"mnist_small"}
    assert all("--data.root here" in " ".join(job.command) for job in everything)
    made = {job.folder / "model.safetensors" for job in (*jobs.originals, *jobs.retrained)}
    assert {job.inputs[0] for job in jobs.scorings} == made
    assert jobs.edits.keys() == audit_calibration.EDITS.keys()
    every = [*jobs.originals, *jobs.retrained, *jobs.scorings, *(job for own in jobs.edits.values() for job in own)]
    assert all(isinstance(job, Job) and all(path.is_file() for path in job.configs) for job in every)
    assert len({job.folder for job in every}) == len(every)
