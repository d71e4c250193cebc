"""Distances to the retrained models: the floor, missing figures, intervals and what is bold."""

import json
import math

import numpy as np
import pytest

from benchmarks import summary
from oro_unlearn.compare import gap_tables
from oro_unlearn.compare import tables as compare_tables
from oro_unlearn.compare.distances import INSIDE, Yardstick
from oro_unlearn.compare.spreads import cell, marked
from tests.records import record

RWFT = "RWFT-O, with retained data"

KEYS = [key for group in INSIDE.values() for key in group]
SCALAR, PAIRWISE = math.sqrt(8 / 9), 3 * math.sqrt(8 / 9)  # of three models: floor over the mean distance from their mean


def retrained(forget="a", values=(0.4, 0.5, 0.6), keys=KEYS):
    return [record("retrained", forget, 100 + n, **dict.fromkeys(keys, value)) for n, value in enumerate(values)]


def test_figures_between_pairs_have_a_floor_of_their_own():
    """Three models at .4, .5, .6: mean distance from the mean .2 / 3; leaving one out makes it 1.5 or 3 times as large."""
    yardstick = Yardstick({"models": retrained()})
    for key in KEYS:
        factor = PAIRWISE if key in ("utv_test", "utv_train", "cka_retrained") else 1.5 * SCALAR
        assert yardstick.floor(key) == pytest.approx(factor * 0.2 / 3), key


def test_two_models_are_no_yardstick_between_pairs():
    result = {"models": [*retrained(values=(0.4, 0.6)), record("rwft_o", "a", 0, **dict.fromkeys(KEYS, 0.5))], "originals": 1}
    rows = {row[0]: dict(zip(gap_tables.gap_rows(result)[0], row, strict=True)) for row in gap_tables.gap_rows(result)}
    floor = rows["floor: expected gap of one more retrained model"]
    assert (floor["acc_r"], floor["utv_test"], floor["cka_retrained"]) == (f"{0.2 * math.sqrt(3 / 4):.3f}", "–", "–")
    assert (rows[RWFT]["acc_r"], rows[RWFT]["utv_test"]) == ("0.00", "–")
    assert set(gap_tables.inside_rows(result)[1][1:]) == {"–"}, "two are not judged"


def test_gap_and_floor_of_a_figure_with_an_original_have_the_same_one():
    """Over originals the values average out: a floor of that mean would be far too small."""
    by_seed = [(0.1, 0.5), (0.3, 0.3), (0.5, 0.1)]  # of each retrained model, with original 0 and 1: the mean is .3 in all
    models = [
        record("retrained", "a", 100 + n, cka_original=sum(pair) / 2, cka_original_s0=pair[0], cka_original_s1=pair[1])
        for n, pair in enumerate(by_seed)
    ]
    models += [record("rwft_o", "a", seed, cka_original=0.3 + 0.4 * SCALAR) for seed in (0, 1)]
    yardstick = Yardstick({"models": models}, ["cka_original"])
    assert yardstick.floor("cka_original") == pytest.approx(SCALAR * np.mean([0.3, 0, 0.3]))
    assert yardstick.ratios(yardstick.gaps(models[3:])) == pytest.approx([2.0])


def test_missing_figures_are_left_out_of_one_mean_and_named():
    runs = [
        record("boundary_shrink", "a", seed, acc_r=0.9, nn_member_rate=value) for seed, value in enumerate((None, 0.7, 0.9))
    ]
    result = {"models": retrained() + runs, "originals": 3}
    yardstick = Yardstick(result, ["acc_r", "nn_member_rate"])
    gaps = yardstick.gaps(runs)
    assert gaps.lacking == {"nn_member_rate": ["a/0"]}
    assert yardstick.ratios(gaps) == pytest.approx([0.4 / (SCALAR * 0.1), 0.3 / (SCALAR * 0.1)])
    row = dict(zip(*(gap_tables.gap_rows(result)[n] for n in (0, -1)), strict=True))
    assert row["nn_member_rate"] == f"{0.3 / (SCALAR * 0.1):.2f} (2 of 3 runs)"
    inside = dict(zip(*(gap_tables.inside_rows(result)[n] for n in (0, -1)), strict=True))
    assert inside["nn_member_rate"].endswith("(2 of 3 runs)")


def test_inside_is_the_interval_of_one_more_retrained_model_by_holm():
    half = 4.302653 * 0.1 * math.sqrt(4 / 3)
    runs = [
        record("rwft_o", "a", 0, **dict.fromkeys(KEYS, 0.5)),
        record("rwft_o", "a", 1, **{**dict.fromkeys(KEYS, 0.5), "acc_r": 0.5 + 1.01 * half}),
        record("rwft_o", "a", 2, **{**dict.fromkeys(KEYS, 0.5), "acc_r": 0.5 - 0.99 * half}),
        record("rwft_o", "a", 3, **{**dict.fromkeys(KEYS, 0.5), "acc_r": 3.0}),
    ]
    rows = gap_tables.inside_rows({"models": retrained() + runs, "originals": 4})
    assert rows[1] == [RWFT, "50", *["100"] * (len(KEYS) - 1), "75", "100"], "of four figures one is allowed more"


def test_closer_than_the_mask_is_counted_by_request():
    records = [one for label in "abcdef" for one in retrained(label, keys=["utv_test"])]
    floor = PAIRWISE * 0.2 / 3
    records += [record("logit_mask", label, 0, utv_test=0.5 + 6 * floor) for label in "abcdef"]
    gaps = dict(zip("abcdef", (5, 4, 3, 2, 1, 12), strict=True))
    records += [record("rwft_o", label, 0, utv_test=0.5 + gap * floor) for label, gap in gaps.items()]
    table = gap_tables.mask_rows({"models": records, "originals": 1})
    assert table[0][1:] == ["utv_test"]
    assert table[1][:2] == [RWFT, "-1.50 (5 of 6; 0.438)"], "14 of 64 sign patterns have a sum of ranks up to 6"


def test_a_request_without_a_figure_does_not_take_the_cell_with_it():
    records = [one for label in "ab" for one in retrained(label, keys=["silhouette"])]
    records += [record("logit_mask", label, 0, silhouette=0.9) for label in "ab"]
    records += [record("rwft_o", "a", 0, silhouette=0.5), record("rwft_o", "b", 0, silhouette=None)]
    cell_ = gap_tables.mask_rows({"models": records, "originals": 1})[1][1]
    assert cell_ == f"-{0.4 / (SCALAR * 0.1):.2f} (1 of 1; –) (1 of 2 runs)"


def compared(gaps, levels=("a", "b", "c"), **missing):
    """A comparison of one original, in which methods are some floors away on each request."""
    models = [one for label in levels for one in retrained(label)]
    for method, found in gaps.items():
        for label, gap in zip(levels, found, strict=True):
            figures = {key: 0.5 + gap * Yardstick({"models": models}, [key]).floor(key) for key in KEYS}
            models.append(record(method, label, 0, **{**figures, **missing.get(f"{method}_{label}", {})}))
    return {"models": models, "originals": 1, "retrained_models": 3}


def table_of(result, tmp_path, monkeypatch):
    (tmp_path / "compare_digits.json").write_text(json.dumps(result))
    monkeypatch.setattr(summary, "RESULTS", tmp_path)
    lines = summary.summary_table("output").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {row[0]: row[1] for row in rows}, lines


def test_bold_is_what_the_best_does_not_beat_on_the_same_requests(tmp_path, monkeypatch):
    """By itself every interval overlaps: requests differ far more than methods do."""
    gaps = {"logit_mask": (1, 4, 16), "rwft_o": (1.1, 4.4, 17.6), "salun": (0.5, 4, 32), "scrub": (2, 8, 32)}
    found, _ = table_of(compared(gaps), tmp_path, monkeypatch)
    assert found["LogitMask (free control)"] == "**7.00** [1.00, 16.00]"
    assert found[RWFT] == "7.70 [1.10, 17.60]", "a tenth further on each request"
    assert found["SalUn"] == "**12.17** [0.50, 32.00]", "closer on one"
    assert found["SCRUB"].startswith("14.00 ")


def test_a_mean_over_fewer_figures_is_marked_named_and_not_compared(tmp_path, monkeypatch):
    gaps = {"logit_mask": (2, 2, 2), "rwft_o": (1, 1, 1), "scrub": (3, 3, 3)}
    result = compared(gaps, rwft_o_a={"nn_member_rate": None})
    found, lines = table_of(result, tmp_path, monkeypatch)
    assert found[RWFT] == "1.00 [1.00, 1.00] †", "the figure's other two runs count"
    assert found["LogitMask (free control)"].startswith("**2.00**")
    note = "without nn_member_rate in 1 of 3 runs (forgotten class/original: a/0)"
    assert f"† Digits: output level, {RWFT}: {note}." in lines


def test_missing_runs_are_named_and_a_figure_without_runs_gives_no_mean(tmp_path, monkeypatch):
    lost = {"acc_r": None}
    result = compared({"logit_mask": (2, 2, 2), "rwft_o": (1, 1, 1), "scrub": (1, 1, 1)}, **{f"scrub_{n}": lost for n in "abc"})
    result["models"] = [one for one in result["models"] if (one["method"], one["forget"]) != ("rwft_o", ["b"])]
    found, lines = table_of(result, tmp_path, monkeypatch)
    assert found[RWFT] == "1.00 [1.00, 1.00] †"
    assert found["SCRUB"] == "– †", "a mean without a figure is another mean"
    assert f"† Digits: output level, {RWFT}: without 1 of 3 runs." in lines


def test_a_figure_that_a_retrained_model_lacks_is_named_in_its_column(tmp_path, monkeypatch):
    result = compared({"logit_mask": (2, 2, 2)})
    result["models"][0]["figures"]["nn_member_rate"] = None
    found, lines = table_of(result, tmp_path, monkeypatch)
    assert found["geometric mean of gap ÷ floor [95 % interval]"] == "Digits: output level †"
    assert found["LogitMask (free control)"].startswith("**2.00**")
    note = "every method: without nn_member_rate (1 of 9 retrained models lack it)"
    assert f"† Digits: output level, {note}." in lines


def test_one_request_has_no_interval_and_nothing_is_beaten(tmp_path, monkeypatch):
    found, _ = table_of(compared({"logit_mask": (2,), "rwft_o": (1,)}, levels=("a",)), tmp_path, monkeypatch)
    assert (found["LogitMask (free control)"], found[RWFT]) == ("2.00", "1.00")


@pytest.mark.parametrize("gone", [None, math.nan])
def test_every_mean_says_over_how_many_runs_it_is(gone):
    runs = [{"forget": ["a"], "value": value} for value in (1.0, 3.0, gone)]
    assert cell(runs, lambda run: run["value"], percent=False) == "2.000 ± – ± 1.414 (2 of 3 runs)"
    assert (marked("x", 3, 3), marked("–", 0, 3)) == ("x", "–")


def test_attacks_on_fewer_requests_say_so():
    figures = {"accuracy": 0.9, "auc": 0.9, "standard_error": 0.1, "class_accuracy": 0.9, "class_standard_error": 0.1}
    attacks = [
        {"method": m, "forget": [r], "u_lira": {"own": figures}} for m, r in (("scrub", "a"), ("rwft_o", "a"), ("rwft_o", "b"))
    ]
    attacks[1] = {**attacks[1], "u_lira": {"own": {**figures, "auc": None}}}
    models = [record(method, label, 0) for method in ("scrub", "rwft_o") for label in "ab"]
    rows = {row[0]: row for row in compare_tables.attack_rows({"models": models, "attacks": attacks})}
    assert rows["SCRUB (1 of 2 requests)"][1] == "90.00 (se 10.0)"
    assert rows[RWFT][2] == "0.900 (1 of 2 requests)"
