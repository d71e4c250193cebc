"""The verdict: each line by values that follow from a formula, and the free control, which outputs cannot tell."""

import math

import pytest
import torch
from scipy.stats import binom, binomtest

from oro_unlearn.attacks import Scores, linear_probe, silhouette
from oro_unlearn.audit import (
    Line,
    Tally,
    answers,
    audit_model,
    can_tell,
    class_lines,
    collateral,
    counts_of,
    findings,
    forgotten,
    holm,
    looks,
    recovery,
    sentence,
    shares_of,
    tallied,
    verdict_json,
)
from oro_unlearn.audit.tallies import counts_in, together
from oro_unlearn.metrics.chance import change_limits, share_limits

CLASSES, TARGET = 4, 2


def test_limits_of_a_share_are_exact():
    assert share_limits(0, 35) == pytest.approx((0, 1 - 0.05 ** (1 / 35)))
    assert share_limits(35, 35) == pytest.approx((0.05 ** (1 / 35), 1))
    low, high = share_limits(7, 20)
    assert binom.sf(6, 20, low) == pytest.approx(0.05)
    assert binom.cdf(7, 20, high) == pytest.approx(0.05)
    assert (low, high) == pytest.approx(tuple(binomtest(7, 20).proportion_ci(0.9)))
    assert share_limits(0, 0) == (0, 1)


def test_limits_of_a_change_are_those_of_two_shares():
    low, high = change_limits(18, 12, 20)
    were, are = share_limits(18, 20), share_limits(12, 20)
    assert low == pytest.approx(-0.3 - math.sqrt((0.6 - are.low) ** 2 + (were.high - 0.9) ** 2))
    assert high == pytest.approx(-0.3 + math.sqrt((are.high - 0.6) ** 2 + (0.9 - were.low) ** 2))
    assert change_limits(0, 0, 0) == (-1, 1)


@pytest.mark.parametrize(
    ("after", "total", "before", "answer"),
    [
        (0, 35, 35, "yes"),  # the upper limit .082 is below half of the original's lower limit
        (0, 35, None, "yes"),  # and below chance
        (0, 20, None, "not decided"),  # .139
        (0, 3, 3, "not decided"),  # upper limit .632, original's lower limit .368
        (0, 10, 10, "yes"),  # .259 and .741
        (4, 10, 10, "no"),  # P(4 or more of 10 by chance) = .013
        (2, 10, 10, "not decided"),  # .264: chance explains it, and so would half of the original's share
        (35, 35, 35, "no"),
        (9, 35, 35, "no"),
        (60, 1000, None, "yes"),
        (130, 1000, 990, "no"),  # 13 % is more than chance explains, however little it is
    ],
)
def test_answers_with_many_and_few_images(after, total, before, answer):
    line = answers([Tally("8", total, after, before)], chance=0.1)
    assert line.answer == answer, line.reason
    assert (line.value, line.low, line.high) == (after / total, *share_limits(after, total))


def test_a_model_that_answers_half_as_often_as_the_original_is_seldom_called_forgotten():
    """The rate in the docstring, exactly, over all counts."""
    for total, highest in ((10, 0.003), (35, 0.009), (100, 0.02)):
        counts = range(total + 1)
        for share in (0.3, 0.6, 0.8, 1.0):
            weights = [(binom.pmf(h, total, share), binom.pmf(h, total, share / 2)) for h in counts]
            lows, highs = ([share_limits(h, total)[end] for h in counts] for end in (0, 1))
            rate = sum(weights[o][0] * weights[a][1] for o in counts for a in counts if highs[a] <= lows[o] / 2)
            assert rate < highest


def test_the_worst_class_decides_what_the_mean_would_hide():
    found = [Tally(str(n), 100, 0, 95) for n in range(4)] + [Tally("kept", 100, 40, 95)]
    assert together(found).share < 0.1, "all together are no more than chance explains"
    line = answers(found, chance=0.1)
    assert (line.answer, line.value) == ("no", 0.4)
    assert "of kept" in line.reason


def test_retrained_models_that_answer_too_raise_the_limit():
    own = Tally("8", 100, 30, 95, (0.28, 0.33, 0.31))
    assert answers([own], chance=0.1).answer == "yes"
    assert answers([own._replace(retrained=(0.28, 0.33))], chance=0.1).answer == "no", "two have no range"
    assert answers([], chance=0.1).answer == "not measured"
    assert can_tell(own, 0.1)
    assert not can_tell(Tally("weak", 16, 0, 2), 0.005)


@pytest.mark.parametrize(
    ("tally", "answer"),
    [
        (Tally("r", 2000, 1800, 1800), "yes"),
        (Tally("r", 2000, 1650, 1800), "no"),
        (Tally("r", 2000, 1760, 1800), "not decided"),  # 2 points, more or less
        (Tally("r", 30, 29, 30), "not decided"),
        (Tally("r", 324, 314, 320, (0.97, 0.98, 0.965)), "yes"),  # as in retrained models
        (Tally("r", 324, 314, 320), "not decided"),
        (Tally("r", 2000, 1760, 1800, (0.901, 0.902, 0.9)), "not decided"),  # in their range, and far below their mean
        (Tally("r", 2000, 1700, 1800, (0.901, 0.902, 0.9)), "no"),
        (Tally("r", 324, 314), "not decided"),
        (Tally("r", 324, 314, None, (0.97, 0.98, 0.965)), "yes"),
        (Tally("r", 324, 270, None, (0.97, 0.98, 0.975)), "no"),
        (Tally("r", 0, 0), "not measured"),
    ],
)
def test_collateral_beside_the_original_and_retrained_models(tally, answer):
    line = collateral([tally])
    assert line.answer == answer, line.reason


def test_one_lost_class_among_a_hundred_is_collateral():
    kept = [Tally(f"class {n}", 100, 90, 90) for n in range(99)]
    assert collateral([*kept, Tally("last", 100, 90, 90)]).answer == "yes"
    line = collateral([*kept, Tally("last", 100, 5, 90)])
    assert (line.answer, "lost: last" in line.reason) == ("no", True)
    assert collateral([tally._replace(retrained=(0.9, 0.91, 0.89)) for tally in kept]).answer == "yes"


def beside(key: str, edited: float, retrained: list[float], original: float | None = None):
    before = None if original is None else {key: original}
    return findings({key: edited}, before, [{key: value} for value in retrained])[0]


RANGE = [0.60, 0.62, 0.64, 0.58]  # mean .61, sd .0258; t of 3 is 3.18: .61 -+ .092


def test_looks_takes_all_figures_of_a_group_together():
    inside, near = beside("silhouette", 0.62, RANGE), beside("cka_original", 0.71, RANGE)
    assert near.reading.verdict == "outside", "by itself"
    assert looks([[inside], [near]], 4).answer == "yes", "of features that have half of the error"
    far = beside("silhouette", 0.90, RANGE)
    line = looks([[beside("mia", 0.6, RANGE)], [inside, far]], 4)
    assert (line.answer, line.figure, line.value) == ("no", "silhouette", 0.9)
    assert (line.low, line.high) == pytest.approx((0.5179, 0.7021), abs=1e-3)
    assert looks([[inside]], 2).answer == "not decided"
    assert looks([[inside], []], 4, "no weights").answer == "not measured"


def test_looks_where_retrained_models_agree():
    same, apart, near = (beside("mia", value, [1.0] * 3) for value in (1.0, 0.3, 0.99))
    other = beside("acc_r", 0.62, RANGE)
    assert [looks([[other, one]], 3).answer for one in (same, apart, near)] == ["yes", "not decided", "yes"]


def test_holm_rejects_no_more_than_it_may():
    assert holm({"a": 0.03, "b": 0.04}, 0.05) == []
    assert holm({"a": 0.02, "b": 0.04}, 0.05) == ["a", "b"]
    assert holm({"a": 0.02, "b": 0.06}, 0.05) == ["a"]


def test_recovery_is_one_sided_and_needs_retrained_models():
    fast, slow, usual = (beside("relearn_10", value, RANGE) for value in (0.95, 0.3, 0.62))
    assert [recovery([one], 4).answer for one in (fast, slow, usual)] == ["no", "yes", "yes"]
    assert recovery([], 4).answer == "not measured"
    alone = [beside("relearn_10", 0.95, [], 0.95), beside("silhouette", 0.67, [], 0.67)]
    assert recovery(alone, 0).answer == "no", "it comes back as in the original"
    assert recovery(alone[:1], 0).answer == "not decided", "relearning alone may be as fast anywhere"
    assert recovery([alone[0], beside("silhouette", 0.3, [], 0.67)], 0).answer == "not decided"


def lines_of(*said: str) -> dict[str, Line]:
    return {
        name: Line(answer, "", 0, 0, 0, "")
        for name, answer in zip(("answers", "collateral", "looks", "recovery"), said, strict=True)
    }


@pytest.mark.parametrize(
    ("said", "outputs", "features"),
    [
        (("yes", "yes", "yes", "yes"), "yes", "yes"),
        (("yes", "yes", "yes", "no"), "yes", "no"),
        (("yes", "yes", "yes", "not measured"), "yes", "not decided"),
        (("yes", "no", "not decided", "yes"), "no", "no"),
        (("yes", "yes", "not decided", "no"), "not decided", "no"),
    ],
)
def test_forgotten_needs_every_line_of_its_level(said, outputs, features):
    lines = lines_of(*said)
    assert (forgotten(lines, "outputs"), forgotten(lines, "features"), forgotten(lines, "all")) == (outputs, features, features)


def test_the_sentence_names_what_is_against_it():
    lines = lines_of("yes", "yes", "not decided", "no")
    assert sentence(lines, "features") == "Verdict: forgotten at level features: no (recovery: no; looks: not decided)"
    lines = lines_of("yes", "yes", "yes", "no")
    assert sentence(lines, "outputs") == "Verdict: forgotten at level outputs: yes (answers, collateral, looks: yes)"
    assert verdict_json(lines, "outputs")["lines"]["recovery"]["answer"] == "no"


def model(seed: int, knows: bool, masked: bool = False) -> dict[str, Scores]:
    """Scores of a network whose first three features show the other classes, and one more the forgotten."""
    generator, found = torch.Generator().manual_seed(seed), {}
    weights = torch.eye(CLASSES) + 0.05 * torch.randn(CLASSES, CLASSES, generator=generator)
    for place, (split, labels, count) in enumerate(
        (("retain", (0, 1, 3), 60), ("forget", (2,), 60), ("test_retain", (0, 1, 3), 60), ("test_forget", (2,), 60))
    ):
        own = torch.tensor(labels).repeat_interleave(count)
        images = torch.Generator().manual_seed(place)  # the same ones for every model
        features = 3.0 * torch.eye(CLASSES)[own] + 1.0 * torch.randn(len(own), CLASSES, generator=images)
        features += 0.4 * torch.randn(len(own), CLASSES, generator=generator)
        if not knows:
            features[:, TARGET] = 0.4 * torch.randn(len(own), generator=generator)
        logits = features @ weights
        logits[:, TARGET] += -2 if knows else -8
        if masked:
            logits[:, TARGET] = -torch.inf
        found[split] = Scores(logits, features, own, torch.arange(len(own)))
    return found


def figures_of(own, others, original) -> dict[str, float]:
    labels, parts = [], [own[split] for split in ("retain", "forget", "test_retain", "test_forget")]
    labels = [part.labels for part in parts]
    train, test = (torch.cat([part.features for part in parts[place : place + 2]]) for place in (0, 2))
    truth = torch.cat(labels[2:])
    probe = linear_probe(train, torch.cat(labels[:2]), test, truth, [TARGET], shots=5)
    return {
        **audit_model(own, others, {0: original}, [TARGET]),
        "probe_5_shot": probe.recall,
        "silhouette": silhouette(test, truth, TARGET),
    }


def judged(edited, level: str):
    original, retrained = model(0, True), [model(10 + seed, False) for seed in range(4)]
    figures = [figures_of(own, [o for o in retrained if o is not own], original) for own in retrained]
    figures = [{**own, "relearn_10": value} for own, value in zip(figures, RANGE, strict=True)]
    own = {**figures_of(edited, retrained, original), "relearn_10": 0.95 if edited is not retrained[0] else 0.62}
    samples = shares_of({split: len(scores.labels) for split, scores in edited.items()})
    roles = {"unlearned": edited, "original": original} | {f"retrained_{n}": other for n, other in enumerate(retrained)}
    tallies = tallied({role: counts_of(one) for role, one in roles.items()}, list("0123"), [TARGET])
    return class_lines(findings(own, figures_of(original, retrained, original), figures, samples), tallies, CLASSES, level, 4)


def test_the_free_control_passes_outputs_and_fails_features():
    mask = model(0, True, masked=True)
    outputs, features = (judged(mask, level) for level in ("outputs", "features"))
    assert forgotten(outputs, "outputs") == "yes", outputs
    assert forgotten(features, "features") == "no"
    assert (features["looks"].answer, features["recovery"].answer) == ("no", "no")
    assert features["looks"].figure in ("silhouette", "probe_5_shot", "cka_original", "cka_retrained")


def test_the_original_is_not_forgotten_at_any_level():
    lines = judged(model(0, True), "outputs")
    assert (lines["answers"].answer, forgotten(lines, "outputs")) == ("no", "no")


def test_counts_are_those_of_scores_and_of_confusion_matrices():
    found = counts_of(model(0, True))
    assert [total for _, total in found] == [60] * 4
    assert counts_in([[3, 1], [0, 0]]) == [(3, 4), (0, 0)]
    tallies = tallied({"unlearned": [(1, 2), (0, 0), (2, 2)], "original": [(2, 2), (0, 0), (2, 2)]}, ["a", "b", "c"], [0], [2])
    assert tallies.forgotten == [Tally("a", 2, 1, 2)]
    assert tallies.others == []
