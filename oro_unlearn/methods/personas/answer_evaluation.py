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
    free control: the original behind a :class:`NameFilter`.

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
        scored = Scored(questions)
        said: dict[str, list[str]] = {}
        device = next(self.figures_by_role.buffers(), torch.empty(0)).device
        prompts = _to(next(iter(self.networks.values())).prompts(questions), device)  # all models have the same processor
        for role, network in self.networks.items():
            said[role] = network.generate(prompts, self.max_new_tokens)
            self._update(role, batch, said[role], scored.losses(network, device))
        if self.filter:
            kept = self.filter(self.networks["original"], questions, said["original"], self.max_new_tokens, device)
            self._update(FILTERED, batch, kept, None)

    def _update(
        self, role: str, batch: Sequence[tuple[int, int, Question]], said: list[str], losses: list[Tensor] | None
    ) -> None:
        figures: Any = self.figures_by_role[role]
        for row, (number, position, question) in enumerate(batch):
            name = self.sets[number]
            figures[name].update(question, said[row], None if losses is None else losses[row])
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
                (1 + O,) of the answer and of each option. None: a filter has written the answer, which has no likelihood.
        """
        self._count(question.kind)
        if question.kind == "free":
            self.rouge.update([said], [question.answer])
            self.bleu.update([said], [[question.answer]])
            self.exact_match.update([said], [question.answer])
        elif question.kind == "cloze":
            self.cloze_accuracy.update([said], [question.keyword or question.answer])
        if question.kind == "choice":
            self._choose(question, said, losses)
        elif losses is not None:
            self._count("scored")
            self.answer_probability.update(-losses[:1])
            self.truth_ratio.update(-losses[:1], [-losses[1:]])

    def _choose(self, question: Question, said: str, losses: Tensor | None) -> None:
        """The option with the lowest loss is chosen; without losses, the one that the text names, and without any, none."""
        right = question.options.index(question.answer)
        if losses is not None:
            scores = -losses[1:]
        else:
            scores = torch.tensor([float(option.casefold() in said.casefold()) for option in question.options])
            if not scores.any():
                scores = 1 - torch.nn.functional.one_hot(torch.tensor(right), len(scores)).float()
        self.choice_accuracy.update([scores], [right])

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


class Scored:
    """The answers of some questions whose probability is measured: the right one, wrong ones, and the options of a choice.

    Args:
        questions: B questions.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self.counts, self.rows = [], []
        for question in questions:
            others = question.options if question.kind == "choice" else question.wrong if question.kind == "free" else ()
            variants = [question._replace(answer=answer) for answer in (question.answer, *others)]
            self.rows += variants
            self.counts.append(len(variants))
        self._inputs: dict[str, Tensor] | None = None

    def losses(self, network: Any, device: torch.device) -> list[Tensor]:
        """Mean negative log-likelihood of the tokens of every question's answers, one tensor a question."""
        if self._inputs is None:
            self._inputs = _to(network.collate(self.rows), device)
        return list(network.answer_losses(self._inputs).split(self.counts))


def _to(inputs: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in inputs.items()}
