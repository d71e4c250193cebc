"""The choice of a configuration, and the tables of people who were forgotten."""

import pytest

from benchmarks.persona_memory import memory_table
from benchmarks.persona_tables import PERSONA_TABLES
from benchmarks.personas import METHODS, distance, requests

KEYS = ("forget/text/cloze_accuracy", "retain/text/cloze_accuracy")


def metrics(forget: float, retain: float) -> dict:
    original, edited, retrained = (dict(zip(KEYS, pair, strict=True)) for pair in ((1.0, 0.8), (forget, retain), (0.25, 0.9)))
    return {"original": original, "unlearned": edited, "retrained": {"mean": retrained, "std": retrained}}


@pytest.mark.parametrize(("forget", "retain", "expected"), [(0.25, 0.9, 0.0), (0.0, 0.8, 0.25), (0.5, 0.6, 0.45)])
def test_distance_counts_both_sides_of_the_retrained_and_what_is_lost(forget, retain, expected):
    assert distance(metrics(forget, retain)) == pytest.approx(expected)


def test_nobody_is_both_tuned_on_and_measured():
    people = requests()
    assert not {*people["tuning"]} & {*people["5"], *people["10"]}
    assert {*people["5"]} <= {*people["10"]}
    assert len({len(method.candidates) for method in METHODS.values() if method.grid}) == 1, "every method has the same budget"


PLAIN = {name: table for name, table in PERSONA_TABLES.items() if name != "claims"}


@pytest.mark.parametrize("table", PLAIN.values(), ids=PLAIN)
def test_tables_hold_every_method_once(table):
    common = {"seed": 0, "request": "5", "seconds": 1.0, "edited_parameters": 7}
    runs = [{**common, "method": name, "metrics": metrics(0.5, 0.5)} for name in ("npo", "points", "manu")]
    rows = table({"runs": runs, "chosen": {"npo": "--model.optimizer.lr 0.1", "manu": ""}})
    assert [row[0] for row in rows][-3:] == ["points, not paths", "NPO", "MANU"]
    assert len({len(row) for row in rows}) == 1


def test_claims_are_shares_of_the_original():
    keys = [f"{group}/{modality}/cloze_accuracy" for group in ("forget", "retain") for modality in ("multimodal", "text")]
    run = {"method": "npo", "metrics": {"original": dict.fromkeys(keys, 0.8), "unlearned": dict.fromkeys(keys, 0.2)}}
    assert [row[1] for row in PERSONA_TABLES["claims"]({"runs": [run]})] == ["NPO", "75", "75", "25", "25"]


def test_memory_is_beside_measuring_alone():
    assert memory_table({"peak_mib": {"none": 100.0, "npo": 130.4}})[1:] == [
        ["only measuring", "100", "+0"],
        ["NPO", "130", "+30"],
    ]
