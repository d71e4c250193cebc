"""Compares methods that forget people, and figures of answers, with transcribed equations and libraries, on random logits."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.verification import persona_losses as transcribed
from benchmarks.verification import relation_losses
from benchmarks.verification.rows import Row, apart, figures_apart
from oro_unlearn import methods, metrics
from oro_unlearn.methods.personas.manu import Moments
from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.networks import VisionLanguage

ANSWERS, TOKENS, WORDS, WIDTH = 6, 7, 5, 4
FLOAT = (1e-5, "logits are float32")
TOFU = "TOFU (arXiv 2401.06121)"


class Answerer(nn.Module):
    """Logits (answers, tokens, words) that are parameters; losses are those of the package's network."""

    answer_losses = VisionLanguage.answer_losses
    answer_log_probs = VisionLanguage.answer_log_probs

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.randn(ANSWERS, TOKENS, WORDS, generator=torch.Generator().manual_seed(seed)))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Logits of the rows of a batch."""
        return self.logits[inputs["rows"]]


def asked(*rows: int) -> Asked:
    """Answers of different lengths, each behind a prompt of two tokens."""
    labels = torch.randint(WORDS, (ANSWERS, TOKENS), generator=torch.Generator().manual_seed(9))
    labels[:, :2] = -100
    for row in range(ANSWERS):
        labels[row, TOKENS - row % 3 :] = -100
    chosen = torch.tensor(rows)
    mask = (labels != -100)[chosen]
    return Asked({"rows": chosen, "labels": labels[chosen], "attention_mask": mask}, chosen)


FORGET, RETAIN = asked(0, 1, 2), asked(3, 4, 5)


def method(name: str, **options: Any) -> Any:
    """A method whose network and original have different logits."""
    made = getattr(methods, name)(network=lambda: Answerer(1), **options)
    made.network, made.original = Answerer(1), Answerer(2)
    return made


def against(made: Any, expected: dict[str, Tensor], batch: Mapping[str, Asked]) -> float:
    """Losses and the gradient of their sum, of the product and as transcribed from the same logits."""
    found = made.losses(**batch)
    (slope,) = torch.autograd.grad(sum(found.values()), made.network.logits)
    (wanted,) = torch.autograd.grad(sum(expected.values()), made.network.logits)
    return max(
        figures_apart({k: float(v) for k, v in found.items()}, {k: float(v) for k, v in expected.items()}), apart(slope, wanted)
    )


def training() -> list[Row]:
    """Losses of the methods that train."""
    rows = []
    source, both = "cross-entropy of the answers' tokens", {"forget": FORGET, "retain": RETAIN}

    def loss(of: Asked, network: Any) -> Tensor:
        return transcribed.answer_loss(network.logits[of.index], of.inputs["labels"])

    def old_and_new(made: Any, of: Asked) -> tuple[Tensor, Tensor, Tensor]:
        return made.original.logits[of.index].detach(), made.network.logits[of.index], of.inputs["labels"]

    for name, split in (
        ("PersonaTraining", "train"), ("PersonaRetraining", "retain"), ("PersonaPretraining", "pretraining"),
        ("RetainFineTuning", "retain"),
    ):  # fmt: skip
        made = method(name)
        rows.append(row(name, source, against(made, {split: loss(RETAIN, made.network)}, {split: RETAIN})))
    made = method("GradDiff", forget_weight=2.0)
    expected = {"forget": -2 * loss(FORGET, made.network), "retain": loss(RETAIN, made.network)}
    rows.append(row("GradDiff", "Liu et al., CoLLAs 2022, gradient difference", against(made, expected, both)))
    made = method("KLMin", forget_weight=2.0)
    kept = transcribed.divergence(*old_and_new(made, RETAIN))
    expected = {"forget": -2 * loss(FORGET, made.network), "kl": kept}
    rows.append(row("KLMin", f"{TOFU}, section 4.1", against(made, expected, both)))
    made = method("NPO", beta=0.3, forget_weight=2.0, retain_weight=3.0)
    expected = {"forget": 2 * transcribed.preference(*old_and_new(made, FORGET), 0.3), "retain": 3 * loss(RETAIN, made.network)}
    rows.append(row("NPO", "Zhang et al. (arXiv 2404.05868), eq. 3, and its retain term", against(made, expected, both)))
    made = method("RefusalTuning", forget_weight=2.0)
    expected = {"forget": 2 * loss(FORGET, made.network), "retain": loss(RETAIN, made.network)}
    rows.append(row("RefusalTuning", f"{TOFU}, section 4.1, of the refusals", against(made, expected, both)))
    return rows


def row(name: str, source: str, difference: float) -> Row:
    """A row of a method's losses."""
    return Row(name, name, source, "losses and their gradients, of answers of different lengths", difference, *FLOAT)


def edits() -> list[Row]:
    """Scores of MANU, and the losses of MIP-Editor."""
    draw = torch.Generator().manual_seed(5)
    forget, retain = (0.2 * torch.randn(count, WIDTH, generator=draw) for count in (30, 40))
    importances = []
    for states in (forget, retain):
        moments = Moments()
        for part in states.split(16):
            moments.update(part)
        importances.append(moments.importance())
    pruner = method("MANU")
    pruner._importance = lambda tower, layers, split, pictured: [importances[split == "retain"]]
    layer = type("Layer", (), {"reader": nn.Linear(WIDTH, 1)})
    (found,) = pruner.scores("vision", [layer])
    editor = method("MIPEditor", retain_weight=2.0, forget_weight=3.0)
    states = {key: torch.randn(3, TOKENS, WORDS, generator=draw, requires_grad=True) for key in ("now", "moved", "before")}
    given = [states["before"], states["now"], states["moved"]]
    editor._hidden = lambda network, of: given.pop(0)
    editor.target = torch.rand(WORDS, generator=draw)
    losses = editor.losses(FORGET, RETAIN)
    masks = [of.inputs["attention_mask"] for of in (RETAIN, FORGET)]
    expected = {
        "retain": 2 * relation_losses.misdirected(states["now"], states["before"], masks[0]),
        "forget": 3 * relation_losses.misdirected(states["moved"], editor.target.expand(3, TOKENS, WORDS), masks[1]),
    }
    slopes = [torch.autograd.grad(sum(terms.values()), [states["now"], states["moved"]]) for terms in (losses, expected)]
    return [
        Row(
            "MANU",
            "MANU",
            "Liu et al., ACL 2025 (arXiv 2502.15910), section 3.2",
            "scores of neurons from activations in several batches",
            apart(found, transcribed.pruning_scores(forget, retain)),
            1e-5,
            "sums in float32",
        ),
        Row(
            "MIPEditor",
            "MIPEditor",
            "MIP-Editor (arXiv 2511.06793), section 3.3",
            "both terms of RMisU with padding, and their gradients; scores of paths: see NeuronPathRelation",
            max(
                figures_apart({k: float(v) for k, v in losses.items()}, {k: float(v) for k, v in expected.items()}),
                apart(*slopes),
            ),
        ),
    ]


def figures() -> list[Row]:
    """Figures of answers."""
    from rouge_score.rouge_scorer import RougeScorer

    said = ["She lives in Oslo.", "a Baker", "I do not know", "barman, Oslo", ""]
    right = ["She lives in Bergen.", "A baker.", "Rome", "bar", "Oslo"]
    rouge, kinds = metrics.RougeScores(), ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    exact, keyword = metrics.ExactMatch(), metrics.KeywordAccuracy()
    for part in (slice(0, 2), slice(2, 5)):
        for metric in (rouge, exact, keyword):
            metric.update(said[part], right[part])
    scores = [RougeScorer(kinds).score(reference, answer) for answer, reference in zip(said, right, strict=True)]
    means = {kind: sum(score[kind].fmeasure for score in scores) / len(scores) for kind in kinds}
    pairs = [(transcribed.words(answer), transcribed.words(reference)) for answer, reference in zip(said, right, strict=True)]
    matches = sum(answer == reference for answer, reference in pairs) / len(pairs)
    named = sum(
        any(answer[place : place + len(words)] == words for place in range(len(answer))) for answer, words in pairs
    ) / len(pairs)
    return [
        Row("RougeScores", "RougeScores", "rouge_score.RougeScorer", "mean F1 of four kinds, in two batches",
            figures_apart({name: float(value) for name, value in rouge.compute().items()}, means)),
        Row("ExactMatch", "ExactMatch", "equal lists of words", "share of five answers",
            figures_apart({"share": float(exact.compute())}, {"share": matches})),
        Row("KeywordAccuracy", "KeywordAccuracy", "the keyword's words among the answer's", "share of five answers",
            figures_apart({"share": float(keyword.compute())}, {"share": named})),
        Row("plain_answer", "plain_answer", "equal lists of words", "texts without case, spaces and full stop",
            float(sum(transcribed.words(metrics.plain_answer(text)) != transcribed.words(text) for text in said))),
        *probabilities(),
    ]  # fmt: skip


def probabilities() -> list[Row]:
    """Figures of the answers' probabilities."""
    right = [0.8, 0.3, 0.05]
    wrong = [[0.1, 0.3], [0.6], [0.2, 0.1, 0.3]]
    logs = [torch.tensor(part, dtype=torch.float64).log() for part in wrong]
    ratios = [transcribed.truth_ratio(known, others) for known, others in zip(right, wrong, strict=True)]
    bounded = {
        "forget": sum(min(ratio, 1 / ratio) for ratio in ratios) / 3,
        "retain": sum(max(0.0, 1 - ratio) for ratio in ratios) / 3,
    }
    known = torch.tensor(right, dtype=torch.float64).log()
    found = {}
    for group in bounded:
        metric = metrics.TruthRatio(group)  # type: ignore[arg-type]
        metric.update(known, logs)
        found[group] = float(metric.compute())
    probability, choice = metrics.AnswerProbability(), metrics.ChoiceAccuracy()
    probability.update(known)
    options = torch.randn(20, 4, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    places = torch.arange(20) % 4
    choice.update(options, places)
    share = float((options.argmax(1) == places).double().mean())
    mean = math.fsum(right) / 3
    return [
        Row("AnswerProbability", "AnswerProbability", f"{TOFU}, section 2.2.2", "mean of three probabilities",
            figures_apart({"mean": float(probability.compute())}, {"mean": mean})),
        Row("TruthRatio", "TruthRatio", f"{TOFU}, section 2.2.2", "both bounded forms, of one to three false answers",
            figures_apart(found, bounded)),
        Row("ChoiceAccuracy", "ChoiceAccuracy", "torch.argmax", "share of 20 questions with four options",
            figures_apart({"share": float(choice.compute())}, {"share": share})),
    ]  # fmt: skip


def rows() -> list[Row]:
    """All comparisons."""
    return [*training(), *edits(), *figures()]
