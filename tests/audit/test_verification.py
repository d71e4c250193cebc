"""Verification models: a one-sided test that never says that a model looks retrained."""

import math

import numpy as np
import pytest

from benchmarks.verification_calibration import Pool, counted, parser, verification_table
from oro_unlearn.audit import no_line, residue, verification_json, verification_words, verified_recovery
from oro_unlearn.audit.verification import FOUND, NOT_FOUND

SMALL = {0.15: [0.30, 0.34, 0.32], 0.4: [0.20, 0.25, 0.24]}


def groups(key: str, values=SMALL):
    return {share: [{key: value} for value in own] for share, own in values.items()}


def test_residue_is_above_the_limits_of_both_sizes():
    result = residue({"silhouette": 0.6}, groups("silhouette"), 36, 300)
    figure = result.figures["silhouette"]
    upper = [np.mean(own) + 2.919986 * np.std(own, ddof=1) * math.sqrt(1 + 1 / 3) for own in SMALL.values()]
    assert list(figure.limits.values()) == pytest.approx(upper)
    assert (figure.limit, result.found, result.answer) == (pytest.approx(max(upper)), ["silhouette"], FOUND)
    between = residue({"silhouette": 0.33}, groups("silhouette"), 36, 300)
    assert min(figure.limits.values()) < 0.33 < figure.limit
    assert (between.found, between.answer) == ([], NOT_FOUND)
    assert residue({"silhouette": -1.0}, groups("silhouette"), 36, 300).found == [], "one-sided"


def test_an_accuracy_of_few_images_has_a_wider_limit():
    few, many, exact = (
        residue({"relearn_10": 0.5}, groups("relearn_10"), count, 300).figures["relearn_10"].limit for count in (10, 100, 10**9)
    )
    assert few > many > exact > residue({"silhouette": 0.5}, groups("silhouette"), 10, 300).figures["silhouette"].limit - 1e-9


def test_several_figures_need_more_and_some_cannot_be_judged():
    both = {share: [{"silhouette": value, "probe_5_shot": 1.0} for value in own] for share, own in SMALL.items()}
    result = residue({"silhouette": 0.6, "probe_5_shot": 0.9}, both, 36, 300)
    assert result.figures.keys() == {"silhouette"}, "models that agree have no limit"
    two = {share: [{"silhouette": v, "relearn_10": v} for v in own] for share, own in SMALL.items()}
    alone = residue({"silhouette": 0.40}, groups("silhouette"), 36, 300)
    together = residue({"silhouette": 0.40, "relearn_10": 0.2}, two, 36, 300)
    assert (alone.found, together.found) == (["silhouette"], []), "Holm"
    assert residue({"silhouette": 0.9}, groups("silhouette", {0.15: [0.3, 0.4], 0.4: [0.2, 0.3]}), 9, 9).answer == "not judged"


def test_the_line_is_never_yes():
    line = no_line("not decided", "relearn_10", "three retrained models are needed and 0 given.")
    found, none = (residue({"silhouette": value}, groups("silhouette"), 36, 300) for value in (0.6, 0.3))
    said = verified_recovery(line, found)
    assert (said.answer, said.figure, said.value, said.high) == ("no", "silhouette", 0.6, found.figures["silhouette"].limit)
    said = verified_recovery(line, none)
    assert (said.answer, "one-sided" in said.reason) == ("not decided", True)
    assert verified_recovery(line._replace(answer="no"), none).answer == "no", "what the original shows still counts"
    assert "residue found (silhouette of forgotten 0.60, limit alone 0.39; 1 figures" in verification_words(found, {0.15: 3})
    models = {0.4: {"a": {"silhouette": 0.2, "acc_r": 0.9}}}
    content = verification_json(found, models)
    assert content["answer"] == FOUND
    assert content["models"] == {"0.4": {"a": {"silhouette": 0.2}}}
    assert content["figures"]["silhouette"]["limits"].keys() == {"0.15", "0.4"}


def test_the_calibration_counts_residue_by_kind():
    generator = np.random.default_rng(0)

    def made(mean: float, count: int) -> list[dict[str, float]]:
        return [{"silhouette": float(value)} for value in generator.normal(mean, 0.03, count)]

    tested = Pool({"retrained": made(0.3, 5), "original": made(0.7, 1)}, {0.15: made(0.3, 6), 0.4: made(0.2, 6)}, (36, 300))
    options = parser().parse_args(["--draws", "20", "--numbers", "4", "--small", "6"])
    rows = counted(tested, options)
    assert [(row["edited"], row["residue"] > 0.5) for row in rows] == [("retrained", False), ("original", True)]
    assert verification_table({"rows": rows})[0] == ["edited model", "models", "--verify 4"]
