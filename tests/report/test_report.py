"""Reports, tables and pictures: what they say and what they leave out."""

import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from oro_unlearn.report.plots import plot_confusion_and_redirection
from oro_unlearn.report.run_report import hardware, redirection, summarise, versions, write_json
from oro_unlearn.report.tables import comparison_rows, markdown_table, number, report_table

KEYS = (
    *("test/acc_f", "test/acc_r", "train/acc_f", "train/acc_r", "train/mia", "train/mia_attack_balanced_accuracy"),
    *("test/nn_member_rate", "test/nn_attack_balanced_accuracy", "test/utv", "train/utv"),
)


def figures(value: float, **others: float) -> dict[str, float]:
    return dict.fromkeys(KEYS, value) | {name.replace("__", "/"): other for name, other in others.items()}


def report(retrained=(0.2, 0.4, 0.3)) -> dict:
    models = {"original": figures(0.9), "unlearned": figures(0.25)}
    models |= {f"retrained_{n}": figures(value) for n, value in enumerate(retrained)}
    return {
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
    assert report([math.nan] * 3)["metrics"]["retrained"]["mean"]["train/mia"] is None


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
    assert "30.00% ± 10.00%" in text
    assert "UTV floor (between retrained models): 0.300 test" in text
    assert "8 → 1" in text
    assert "a free logit mask reaches them too" in text


def test_table_without_retrained_models_says_so():
    text = shown(report_table(report(retrained=())))
    assert "No retrained model given" in text
    assert "retrained (± seeds)" not in text


def test_comparison():
    rows = comparison_rows([report()])
    assert [row[0] for row in rows] == ["model", "original", "retrained, mean", "mine"]
    assert rows[3] == ["mine", "25.00", "25.00", "25.0", "25.0", "25.0", "0.83", "0.83", "1.2"]
    assert markdown_table(rows).splitlines()[1] == "|---" + "|---:" * 8 + "|"
    assert comparison_rows([report(retrained=())])[2][6] == "–"


@pytest.mark.parametrize("classes", [3, 40])
def test_picture(classes):
    names = [f"class {n}" for n in range(classes)]
    confusion = [[int(a == b) for a in range(classes)] for b in range(classes)]
    shares = {role: [1 / classes] * classes for role in ("original", "unlearned", "retrained")}
    plot_confusion_and_redirection(confusion, shares, names, [1, 2], "new/picture.png")
    assert Path("new/picture.png").read_bytes()[:4] == b"\x89PNG"


def test_provenance():
    assert set(versions()) >= {"python", "torch", "oro_unlearn"}
    assert set(hardware("cpu")) == {"cpu", "cores", "threads", "device"}
