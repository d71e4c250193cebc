"""Reports, tables and pictures: what they say and what they leave out."""

import json
import math
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from oro_unlearn.audit import as_json, findings
from oro_unlearn.audit.run_audit import MEASURED
from oro_unlearn.files import write_json
from oro_unlearn.report import relation_plots, relation_report
from oro_unlearn.report.class_report import report_table
from oro_unlearn.report.plots import plot_confusion_and_redirection
from oro_unlearn.report.run_report import ALIKE, NO_IMAGES, hardware, redirection, summarise, undefined, versions
from oro_unlearn.report.tables import caption, comparison_rows, markdown_table, number, title_of

pytestmark = pytest.mark.pictures

KEYS = (
    *("test/acc_f", "test/acc_r", "train/acc_f", "train/acc_r", "train/mia", "train/mia_attack_balanced_accuracy"),
    *("test/nn_member_rate", "test/nn_attack_balanced_accuracy", "test/utv", "train/utv"),
)


def figures(value: float, **others: float) -> dict[str, float]:
    return dict.fromkeys(KEYS, value) | {name.replace("__", "/"): other for name, other in others.items()}


def report(retrained=(0.2, 0.4, 0.3), **lacking: float) -> dict:
    models = {"original": figures(0.9), "unlearned": figures(0.25)}
    models |= {f"retrained_{n}": figures(value, **(lacking if n == 1 else {})) for n, value in enumerate(retrained)}
    found = {role: {name: own[key] for name, key in MEASURED.items() if key in own} for role, own in models.items()}
    found = {role: own | {"relearn_10": own["acc_f"]} for role, own in found.items()}
    others = [own for role, own in found.items() if role.startswith("retrained")]
    return {
        "audit": {"figures": as_json(findings(found["unlearned"], found["original"], others))},
        "label": "mine", "method": "RWFT", "data": "digits", "network": "SmallCNN", "forget": ["8"], "seconds": 1.25,
        "metrics": summarise(models), "neighbours": {"8": "1"},
    }  # fmt: skip


def test_retrained_models_are_averaged_and_their_mean_distance_is_the_floor():
    metrics = report()["metrics"]
    assert metrics["retrained"]["mean"]["test/acc_r"] == pytest.approx(0.3)
    assert metrics["retrained"]["std"]["test/acc_r"] == pytest.approx(0.1)
    assert metrics["unlearned"]["test/utv_floor"] == pytest.approx(0.3)


def test_one_retrained_model_has_no_spread_and_no_floor():
    metrics = report([0.2])["metrics"]
    assert "std" not in metrics["retrained"]
    assert "test/utv_floor" not in metrics["unlearned"]


def test_two_retrained_models_have_one_distance_and_so_no_spread_of_it():
    spread = report([0.2, 0.2])["metrics"]["retrained"]["std"]
    assert spread["test/utv"] is None
    assert spread["test/acc_r"] == 0


def test_a_figure_that_one_retrained_model_lacks_is_averaged_over_the_others():
    metrics = report([0.2, math.nan, 0.4])["metrics"]["retrained"]
    assert metrics["mean"]["train/mia"] == pytest.approx(0.3)
    assert metrics["defined"]["train/mia"] == 2
    assert "(of 2)" in shown(report_table(report(train__mia=math.nan)))
    assert "(of 2)" not in shown(report_table(report()))
    assert report([math.nan] * 3)["metrics"]["retrained"]["mean"]["train/mia"] is None
    assert "defined" not in report()["metrics"]["retrained"]


def test_json_is_strict_and_never_half_written():
    write_json(report(), "new/report.json")
    assert json.loads(Path("new/report.json").read_text())["label"] == "mine"
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"value": math.nan}, "new/report.json")
    assert json.loads(Path("new/report.json").read_text())["label"] == "mine"


def test_redirection():
    confusion = {"unlearned": [[8, 2, 0], [1, 9, 0], [3, 1, 0]], "retrained_0": [[9, 1, 0], [0, 9, 1], [0, 4, 0]]}
    confusion["retrained_1"] = [[9, 1, 0], [0, 9, 1], [4, 0, 0]]
    assert redirection(confusion, [2]) == {"unlearned": [0.75, 0.25, 0], "retrained": [0.5, 0.5, 0]}
    assert redirection({"unlearned": confusion["unlearned"]}, [1, 2])["unlearned"] == pytest.approx([4 / 14, 10 / 14, 0])


def test_numbers():
    assert (number(None), number(0.12345, percent=True), number(0.12345)) == ("–", "12.35%", "0.123")


def shown(table) -> str:
    console = Console(width=200, record=True)
    console.print(table)
    return console.export_text()


def test_table_for_the_terminal():
    text = shown(report_table(report()))
    lines = [line.split() for line in text.splitlines()]
    assert ["figure", "before", "after", "retrained", "in", "range"] in lines
    assert ["accuracy", "on", "forgotten,", "test", "90.0%", "25.0%", "30.0%", "yes"] in lines
    assert "8 → 1" in text
    assert "The ideal of every figure is the retrained models' value" in text


@pytest.mark.parametrize(("accuracy", "reason"), [(0.5, ALIKE), (math.nan, NO_IMAGES)])
def test_an_attack_without_a_value_gives_its_reason(accuracy, reason):
    figures = {"train/mia": math.nan, "train/mia_attack_balanced_accuracy": accuracy}
    found = undefined({"original": {"train/mia": 0.5}, "retrained_0": figures})
    assert found == {"retrained_0": reason}
    text = caption({"metrics": {"unlearned": {}}, "undefined": {"train/mia": found}})
    assert f"MIA of retrained 0 has no value: {reason}." in text


def test_table_without_retrained_models_says_so():
    text = shown(report_table(report(retrained=())))
    assert "No retrained model was given" in text
    assert ["figure", "before", "after"] in [line.split() for line in text.splitlines()]


def test_comparison():
    rows = comparison_rows([report()])
    assert [row[0] for row in rows] == ["model", "original", "retrained, mean", "mine"]
    assert rows[2] == ["retrained, mean", "30.0", "30.0", "30.0", ""]
    assert rows[3] == ["mine", "25.0", "25.0", "25.0", "1.2"]
    assert markdown_table(rows).splitlines()[1] == "|---" + "|---:" * 4 + "|"
    assert [row[0] for row in comparison_rows([report(retrained=())])] == ["model", "original", "mine"]


@pytest.mark.parametrize("classes", [3, 40])
def test_picture(classes):
    names = [f"class {n}" for n in range(classes)]
    confusion = [[int(a == b) for a in range(classes)] for b in range(classes)]
    shares = {role: [1 / classes] * classes for role in ("original", "unlearned", "retrained")}
    plot_confusion_and_redirection(confusion, shares, names, [1, 2], "new/picture.png")
    assert Path("new/picture.png").read_bytes()[:4] == b"\x89PNG"


RELATIONAL = (
    *("paraphrase/cosine", "contextual/cosine", "ood_image/cosine", "single_node/cosine", "new_safe_edge/cosine"),
    *("new_safe_node/cosine", "neutral_edge/cosine", "unlisted_neighbour/cosine", "retrieval/i2t_r1"),
    *("relation_swap/accuracy", "role_swap/accuracy", "unsafe/median_rank"),
)


def test_figures_of_a_relational_run(finished):
    found = json.loads((finished / "report.json").read_text())
    metrics = found["metrics"]
    assert set(metrics) == {"original", "unlearned"}
    for name in RELATIONAL:
        assert all(math.isfinite(metrics[role][name]) for role in metrics), name
    assert not [name for name in metrics["original"] if "rss" in name or "drift" in name]
    assert (found["method"], found["data"], found["network"]) == ("RelationUnlearning", "scenes", "scenes")
    assert found["forget"] == ["child eating hamburger"]
    assert found["adapter_parameters"] == 2 * 36_864, "rank 16 on both text layers"
    assert found["gallery"] == 51
    wordings = found["items"]["unlearned"]["paraphrase"]
    assert len(wordings["cosine"]) == len(wordings["drift"]) > 5
    assert "a child eating a hamburger" not in wordings["cosine"]


@pytest.mark.parametrize("name", [name for name in relation_report.FIGURES if name != "searched.png"])  # nothing was searched
def test_picture_of_a_relational_run(name, finished):
    image = Image.open(finished / name).convert("RGB")
    assert min(image.size) > 200
    colours = image.getcolors(maxcolors=2**24)
    assert len(colours) > 20
    assert max(count for count, _ in colours) < 0.99 * image.width * image.height


def test_table_of_a_relational_run(finished):
    found = json.loads((finished / "report.json").read_text())
    text = shown(relation_report.report_table(found))
    assert "RelationUnlearning · scenes · scenes · forgotten: child eating hamburger" in text
    for label in (
        "paraphrase, held-out wordings",
        "held-out places",
        "OOD styles",
        "unlisted, caption in the vocabulary",
        "role swap",
    ):
        assert label in text
    for role in ("original", "unlearned"):
        assert f"{found['metrics'][role]['direct/r5']:.3f}" in text
    headers = [line for line in text.splitlines() if line.startswith("┃")]
    assert len(headers) == 3
    assert all(line.count("┃") <= 6 and "edited" not in line for line in headers), "five columns, none of them twice"
    assert f"Cosine of unrelated pairs: {found['metrics']['original']['unrelated/cosine']:.3f}." in text
    assert "a gallery of 51 captions" in " ".join(text.split())


def test_table_leaves_out_what_was_not_measured():
    header = {"method": "PushOnly", "data": "mine", "network": "scenes", "forget": ["a b c"], "gallery": 3}
    metrics = {"original": {"direct/cosine": 0.3, "direct/r5": 1.0}, "unlearned": {"direct/cosine": -0.5, "rss": 0.25}}
    text = shown(relation_report.report_table(header | {"metrics": metrics}))
    assert "plain caption" in text
    assert "paraphrase" not in text
    assert "single node" not in text
    assert "0.250" in text
    assert "Cosine of unrelated pairs: –." in text


def test_a_safety_score_of_a_world_that_is_known(tmp_path):
    """Every part of the score is in the table, and only of the edited model."""
    figures = {"rss": 0.745, "rss/suppression": 0.9, "rss/preservation": 0.8, "rss/robustness": 0.6}
    header = {"method": "PushOnly", "data": "mine", "network": "scenes", "forget": ["a b c"], "gallery": 3}
    text = shown(relation_report.report_table(header | {"metrics": {"original": {}, "unlearned": figures}}))
    for value in ("0.745", "0.900", "0.800", "0.600"):
        assert value in text


def test_losses_of_one_term_and_of_nine():
    for count in (1, 9):
        relation_plots.plot_losses({f"term {number}": [1.0, 0.5] for number in range(count)}, f"{count}.png")
        assert Path(f"{count}.png").read_bytes()[:4] == b"\x89PNG"


def test_provenance():
    assert set(versions()) >= {"python", "torch", "oro_unlearn"}
    assert set(hardware("cpu")) == {"cpu", "cores", "threads", "device"}


def test_a_title_calls_nothing_a_class_that_is_none():
    people = [f"Person {number}" for number in range(7)]
    named = {"method": "NPO", "data": "people", "network": "small", "forget": people, "forgotten": people[:5]}
    assert title_of(named).endswith(
        "forgotten: Person 0, Person 1, Person 2, Person 3, Person 4 and 2 more "
        "(earlier: Person 0, Person 1, Person 2, Person 3, Person 4)"
    )
