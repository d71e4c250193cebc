"""Evaluation of several models on the same questions."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torchmetrics import SumMetric

from oro_unlearn.methods.personas.name_filter import NameFilter
from oro_unlearn.metrics import AnswerProbability, ChoiceAccuracy, ExactMatch, KeywordAccuracy, RougeScores, TruthRatio
from oro_unlearn.networks import Question

if TYPE_CHECKING:
    from oro_unlearn.data.contract import PersonaData

EXAMPLES = 6  # answers of each set that a report shows
FILTERED = "filtered"  # role of the free control
Figures = dict[str, dict[str, float]]  # by role and figure


class Answer(NamedTuple):
    """An answer that a report may show."""

    number: int  # of the set
    position: int  # of the question in the set
    texts: dict[str, str]


class AnswerEvaluation(nn.Module):
    """Asks every model every question, and collects figures by set of questions.

    Free answers are compared as texts (ROUGE, BLEU, exact match) and by their probability; cloze answers by their keyword;
    of a choice, the model takes the option with the lowest mean loss of a token. Beside the models stands the
    free control: the original behind a :class:`NameFilter`. It chooses as the original does, unless it refuses.

    Args:
        models: Networks by role.
        sets: Names of the sets of questions, in the order of their numbers in a batch.
        data: The data, for the filter.
        max_new_tokens: Most tokens of an answer.
    """

    def __init__(self, models: Mapping[str, Any], sets: Sequence[str], data: "PersonaData", max_new_tokens: int) -> None:
        super().__init__()
        self.networks: dict[str, Any] = dict(models)  # no submodules: they belong to the method
        self.sets, self.max_new_tokens = list(sets), max_new_tokens
        self.filter = NameFilter(data) if "unlearned" in models else None
        roles = [*models, *([FILTERED] if self.filter else [])]
        self.answers: dict[str, list[Answer]] = {role: [] for role in roles}  # some, of this process
        figures = {role: nn.ModuleDict({name: AnswerFigures(name.startswith("forget/")) for name in sets}) for role in roles}
        self.figures_by_role = nn.ModuleDict(figures)

    @torch.no_grad()
    def ask(self, batch: Sequence[tuple[int, int, Question]]) -> None:
        """Ask every model the questions of a batch.

        Args:
            batch: For each question: the number of its set, its position there, and the question.
        """
        questions = [question for _, _, question in batch]
        scored, asking = Scored(questions), Asking(questions)
        for role, network in self.networks.items():
            filtered = self.filter is not None and role == "original"
            said, losses = asking.answers(network, self.max_new_tokens, choices=filtered), scored.losses(network)
            self._update(role, batch, said, losses)
            if self.filter is not None and filtered:
                refused = self.filter.refuses(network, questions, said, self.max_new_tokens)
                kept = [self.filter.refusal if no else text for no, text in zip(refused, said, strict=True)]
                chosen = [
                    None if no or question.kind != "choice" else own
                    for no, question, own in zip(refused, questions, losses, strict=True)
                ]
                self._update(FILTERED, batch, kept, chosen)

    def _update(
        self, role: str, batch: Sequence[tuple[int, int, Question]], said: list[str], losses: Sequence[Tensor | None]
    ) -> None:
        figures: Any = self.figures_by_role[role]
        for row, (number, position, question) in enumerate(batch):
            name = self.sets[number]
            figures[name].update(question, said[row], losses[row])
            shown = sum(answer.number == number for answer in self.answers[role])
            if shown < EXAMPLES and question.kind == "free":
                texts = {"question": question.question, "answer": question.answer, "said": said[row]}
                self.answers[role].append(Answer(number, position, {"set": name, "person": question.person, **texts}))

    def figures(self) -> tuple[Figures, dict[str, list[dict[str, str]]]]:
        """Figures by role, ``SET/METRIC`` each; and some answers by role."""
        found: Figures = {}
        for role, sets in self.figures_by_role.items():
            assert isinstance(sets, nn.ModuleDict)
            found[role] = {
                f"{name}/{key}": value
                for name, part in sets.items()
                for key, value in part.compute().items()  # type: ignore[operator]
            }
        return found, self._first_answers()

    def _first_answers(self) -> dict[str, list[dict[str, str]]]:
        """The first answers of each set by role, over all processes."""
        every: list[Any] = [self.answers]
        if dist.is_available() and dist.is_initialized():
            every *= dist.get_world_size()
            dist.all_gather_object(every, self.answers)
        first: dict[str, list[dict[str, str]]] = {}
        for role in self.answers:
            known = sorted((answer for part in every for answer in part[role]), key=lambda answer: answer[:2])
            by_set = [[answer.texts for answer in known if answer.number == number] for number in range(len(self.sets))]
            first[role] = [texts for answers in by_set for texts in answers[:EXAMPLES]]
        return first

    def asked(self) -> dict[str, dict[str, int]]:
        """Number of questions by set and kind, over all processes."""
        sets: Any = next(iter(self.figures_by_role.values()))
        return {name: part.counts() for name, part in sets.items()}


class AnswerFigures(nn.Module):
    """Figures of the answers to one set of questions.

    Args:
        forgotten: Whether the set is to be forgotten; the truth ratio is aggregated accordingly.
    """

    def __init__(self, forgotten: bool) -> None:
        super().__init__()
        from torchmetrics.text import SacreBLEUScore  # it imports transformers

        self.rouge, self.bleu, self.exact_match = RougeScores(), SacreBLEUScore(tokenize="13a"), ExactMatch()
        self.cloze_accuracy, self.choice_accuracy = KeywordAccuracy(), ChoiceAccuracy()
        self.answer_probability, self.truth_ratio = AnswerProbability(), TruthRatio("forget" if forgotten else "retain")
        kinds = ("free", "cloze", "choice", "scored")
        self.asked = nn.ModuleDict({kind: SumMetric() for kind in kinds})  # questions of each kind, over all processes

    def update(self, question: Question, said: str, losses: Tensor | None) -> None:
        """Add one answer.

        Args:
            question: The question.
            said: The model's answer.
            losses: Mean negative log-likelihood (1 + W,) of the tokens of the answer and of each wrong one; of a choice,
                (O,) of each option. None: a filter stands before the model, or refused to choose.
        """
        self._count(question.kind)
        if question.kind == "free":
            self.rouge.update([said], [question.answer])
            self.bleu.update([said], [[question.answer]])
            self.exact_match.update([said], [question.answer])
        elif question.kind == "cloze":
            self.cloze_accuracy.update([said], [question.keyword or question.answer])
        if question.kind == "choice":
            self._choose(question, losses)
        elif losses is not None:
            self._count("scored")
            self.answer_probability.update(-losses[:1])
            self.truth_ratio.update(-losses[:1], [-losses[1:]])

    def _choose(self, question: Question, losses: Tensor | None) -> None:
        """The option with the lowest loss is chosen; without losses, none, which is wrong."""
        right = question.options.index(question.answer)
        if losses is None:
            losses = torch.nn.functional.one_hot(torch.tensor(right), len(question.options)).float()
        self.choice_accuracy.update([-losses], [right])

    def compute(self) -> dict[str, float]:
        """Figures by name; those for which no question was asked are left out."""
        counts = self.counts()
        with _quiet():
            return self._computed(counts)

    def counts(self) -> dict[str, int]:
        """Number of questions by kind, over all processes; ``scored`` are those whose answers have a likelihood."""
        with _quiet():
            return {kind: int(count.compute()) for kind, count in self.asked.items()}  # type: ignore[operator]

    def _computed(self, counts: Mapping[str, int]) -> dict[str, float]:
        free: dict[str, Any] = {**self.rouge.compute(), "bleu": self.bleu.compute(), "exact_match": self.exact_match.compute()}
        scored = {"answer_probability": self.answer_probability.compute(), "truth_ratio": self.truth_ratio.compute()}
        others = {
            "cloze": {"cloze_accuracy": self.cloze_accuracy.compute()},
            "choice": {"choice_accuracy": self.choice_accuracy.compute()},
            "scored": scored,
        }
        known = {"free": free, **others}
        return {name: float(value) for kind, part in known.items() if counts[kind] for name, value in part.items()}

    def _count(self, kind: str) -> None:
        counter: Any = self.asked[kind]
        counter.update(1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torchmetrics' warning of a metric that got nothing: a process may have no question of a kind."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
        yield


class Asking:
    """Questions that models answer in words. The prompts are made once: all models have the same processor.

    Args:
        questions: B questions.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = list(questions)
        self._prompts: dict[bool, dict[str, Tensor]] = {}

    def answers(self, network: Any, max_new_tokens: int, choices: bool) -> list[str]:
        """A model's answers, one a question.

        Args:
            network: The model.
            max_new_tokens: Most tokens of an answer.
            choices: Whether choices are answered too. Their figures need no words, so otherwise they get none.
        """
        rows = [row for row, question in enumerate(self.questions) if choices or question.kind != "choice"]
        said = [""] * len(self.questions)
        if rows:
            if choices not in self._prompts:
                self._prompts[choices] = network.prompts([self.questions[row] for row in rows])
            for row, text in zip(rows, network.generate(self._prompts[choices], max_new_tokens), strict=True):
                said[row] = text
        return said


class Scored:
    """The answers of some questions whose probability is measured: the right one and wrong ones, or the options of a choice.

    They are read in parts of at most B answers of about the same length, so that little is padding.

    Args:
        questions: B questions.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self.counts, self.rows = [], []
        for question in questions:
            variants = [question._replace(answer=answer) for answer in _scored_answers(question)]
            self.rows += variants
            self.counts.append(len(variants))
        order = torch.tensor(sorted(range(len(self.rows)), key=self._length))
        self._parts = order.split(max(1, len(questions)))
        self._inputs: list[dict[str, Tensor]] = []

    def losses(self, network: Any) -> list[Tensor]:
        """Mean negative log-likelihood of the tokens of every question's answers, one tensor a question."""
        if not self._inputs:
            self._inputs = [network.collate([self.rows[row] for row in part]) for part in self._parts]
        found = torch.cat([network.answer_losses(inputs) for inputs in self._inputs])
        return list(found[torch.cat(self._parts).argsort().to(found.device)].split(self.counts))

    def _length(self, row: int) -> tuple[bool, int]:
        one = self.rows[row]
        return one.image is not None, len(one.question) + len(one.answer)


def _scored_answers(question: Question) -> tuple[str, ...]:
    if question.kind == "choice":
        return question.options
    return (question.answer, *(question.wrong if question.kind == "free" else ()))
