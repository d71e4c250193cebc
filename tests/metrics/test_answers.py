"""Values and edge cases of the metrics of generated and of likely answers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection

from oro_unlearn.metrics import AnswerProbability, ChoiceAccuracy, ExactMatch, KeywordAccuracy, RougeScores, TruthRatio


def value_of(metric, *batch) -> float:
    metric.update(*batch)
    return float(metric.compute())


def f1_of_common(answer: list, reference: list) -> float:
    """F1 of the items of two lists without repetitions."""
    common = len(set(answer) & set(reference))
    return 2 * common / (len(answer) + len(reference))


def longest_common(a: list, b: list) -> int:
    """Length of the longest common subsequence, by exhaustive recursion."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + longest_common(a[1:], b[1:])
    return max(longest_common(a[1:], b), longest_common(a, b[1:]))


@pytest.mark.parametrize("seed", range(3))
def test_rouge_is_the_f1_of_its_definition(seed):
    draw = np.random.default_rng(seed)
    answer, reference = (list(draw.permutation(list("abcdefgh"))[:5]) for _ in range(2))
    metric = RougeScores()
    metric.update([" ".join(answer)], [" ".join(reference)])
    found = {name: float(score) for name, score in metric.compute().items()}
    assert found["rouge1"] == pytest.approx(f1_of_common(answer, reference))
    pairs = [list(pairwise(words)) for words in (answer, reference)]
    assert found["rouge2"] == pytest.approx(f1_of_common(*pairs))
    assert found["rougeL"] == pytest.approx(longest_common(answer, reference) / 5)


def test_rouge_lsum_reads_line_by_line():
    metric = RougeScores()
    metric.update(["She is a baker\nHer city is Oslo"], ["Her city is Oslo\nShe is a baker"])
    found = metric.compute()
    assert found["rougeLsum"] == 1
    assert found["rougeL"] == pytest.approx(0.5)
    assert found["rouge2"] == pytest.approx(6 / 7)


def test_rouge_can_compare_stems():
    texts = (["bakers baking"], ["baker bake"])
    metrics = [RougeScores(use_stemmer=stem) for stem in (False, True)]
    for metric in metrics:
        metric.update(*texts)
    assert [float(metric.compute()["rouge1"]) for metric in metrics] == [0, 1]


@pytest.mark.parametrize(
    ("answer", "reference", "equal"),
    [
        ("OSLO", " oslo. ", 1),
        ("Os lo", "Oslo", 0),
        ("a\n b", "A b", 1),
        ("Cafe\u0301", "caf\u00e9", 1),
        ("", "Oslo", 0),
        ("no..", "no", 0),
    ],
)
def test_exact_match_ignores_case_spaces_and_a_full_stop(answer, reference, equal):
    assert value_of(ExactMatch(), [answer], [reference]) == equal


@pytest.mark.parametrize(
    ("answer", "keyword", "found"),
    [
        ("She lives in New\n York.", "new york", 1),
        ("She lives in Oslo's centre", "Oslo", 1),
        ("She lives in Osloby", "Oslo", 0),
        ("Her age is 34", "4", 0),
        ("C++ (mostly)", "C++", 1),
        ("a.b", "axb", 0),
        ("", "Oslo", 0),
    ],
)
def test_a_keyword_is_found_as_whole_words(answer, keyword, found):
    assert value_of(KeywordAccuracy(), [answer], [keyword]) == found


def test_questions_without_a_keyword_are_not_counted():
    assert math.isnan(value_of(KeywordAccuracy(), ["Oslo"], [""]))


@pytest.mark.parametrize(
    ("row", "right", "hit"),
    [
        ([-1.0, -2.0], 0, 1),
        ([-1.0, -2.0], 1, 0),
        ([-2.0, -1.0, -1.0], 2, 1 / 2),
        ([math.nan, -5.0], 0, 0),
        ([math.nan, -5.0], 1, 1),
        ([math.nan] * 4, 3, 1 / 4),
        ([-math.inf] * 2, 0, 1 / 2),
    ],
)
def test_the_best_option_counts_and_ties_share(row, right, hit):
    assert value_of(ChoiceAccuracy(), [torch.tensor(row)], [right]) == pytest.approx(hit)


@pytest.mark.parametrize(("scores", "right"), [([torch.zeros(2)], [2]), ([torch.zeros(0)], [0]), ([torch.zeros(2)], [0, 1])])
def test_choices_that_do_not_fit_are_rejected(scores, right):
    with pytest.raises(ValueError, match="right option"):
        ChoiceAccuracy().update(scores, right)


def test_answer_probability_is_that_of_the_tokens():
    tokens = torch.tensor([0.5, 0.8, 0.9], dtype=torch.float64)
    assert value_of(AnswerProbability(), tokens.log().mean()[None]) == pytest.approx(float(tokens.prod()) ** (1 / 3))
    assert value_of(AnswerProbability(), torch.tensor([math.nan, -math.inf, 0.0])) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="at most 0"):
        AnswerProbability().update(torch.tensor([0.1]))


@pytest.mark.parametrize(("right", "wrong"), [(0.8, [0.3, 0.1]), (0.1, [0.6]), (0.5, [0.5, 0.5])])
def test_truth_ratio_is_that_of_the_paper(right, wrong):
    ratio = np.mean(wrong) / right
    log_probs = torch.tensor([right]).log(), [torch.tensor(wrong).log()]
    assert value_of(TruthRatio("forget"), *log_probs) == pytest.approx(min(ratio, 1 / ratio))
    assert value_of(TruthRatio("retain"), *log_probs) == pytest.approx(max(0, 1 - ratio), abs=1e-6)


@pytest.mark.parametrize(("group", "cannot_tell"), [("forget", 1), ("retain", 0)])
def test_truth_ratio_without_probabilities(group, cannot_tell):
    """Of a broken model it says that the model cannot tell; a right answer of probability 0 is the worst of both."""
    broken = torch.tensor([-math.inf, math.nan]), torch.tensor([[-math.inf], [-1.0]])
    assert value_of(TruthRatio(group), *broken) == cannot_tell
    assert value_of(TruthRatio(group), torch.tensor([-math.inf]), [torch.tensor([-1.0])]) == 0
    assert value_of(TruthRatio(group), torch.tensor([-1e4]), [torch.tensor([-1e4])]) == cannot_tell
    assert math.isnan(value_of(TruthRatio(group), torch.tensor([-1.0]), [torch.tensor([])]))


def test_truth_ratio_has_two_groups():
    with pytest.raises(ValueError, match="'forget' or 'retain', not 'holdout'"):
        TruthRatio("holdout")


@pytest.mark.parametrize("metric", [RougeScores(), ExactMatch(), KeywordAccuracy()])
def test_texts_of_other_questions_are_rejected(metric):
    with pytest.raises(ValueError, match="same questions"):
        metric.update(["a"], ["a", "b"])


def test_metrics_of_a_collection_are_not_merged():
    """torchmetrics merges metrics whose states are equal after the first batch."""
    collection = MetricCollection(
        {"exact": ExactMatch(), "keyword": KeywordAccuracy(), "choice": ChoiceAccuracy()}, prefix="f/"
    )
    for answer, reference in (("Oslo", "Oslo"), ("in Oslo", "Oslo")):
        collection["exact"].update([answer], [reference])
        collection["keyword"].update([answer], [reference])
        collection["choice"].update([torch.tensor([1.0, 0.0])], [1])
    found = {name: float(value) for name, value in collection.compute().items()}
    assert found == {"f/exact": 0.5, "f/keyword": 1.0, "f/choice": 0.0}


def test_bleu_needs_nothing_else():
    """The product takes torchmetrics' own: its tokenizer 13a needs no download, and its states are sums."""
    from torchmetrics.text import SacreBLEUScore  # it imports transformers

    metric = SacreBLEUScore(tokenize="13a")
    metric.update(["The city of Anna is Oslo.", "Oslo"], [["The city of Anna is Oslo."], ["Bergen"]])
    assert 0.8 < float(metric.compute()) < 1
    assert {reduction.__name__ for reduction in metric._reductions.values()} == {"dim_zero_sum"}
