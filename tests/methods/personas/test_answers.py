"""Questions that models are asked, the filter beside them, and the red team: by networks that say what they are told."""

import math
from types import SimpleNamespace

import pytest
import torch

from oro_unlearn.data import Personas
from oro_unlearn.methods.personas import recovery
from oro_unlearn.methods.personas.answer_evaluation import AnswerEvaluation, AnswerFigures
from oro_unlearn.methods.personas.name_filter import NameFilter
from oro_unlearn.methods.personas.recovery import Effort
from oro_unlearn.networks import Question


@pytest.fixture(scope="module")
def data():
    world = Personas(people=4, pictures=1, faces=2)
    world.forget = world.persons[:1]
    return world


class Parrot:
    """A network that says what the question's ``wrong`` field tells it to say first."""

    def prompts(self, questions):
        return {"row": torch.arange(len(questions))} | {"asked": torch.tensor([hash(q.wrong[0]) for q in questions])}

    def collate(self, questions):
        self.read.append(len(questions))
        return {"row": torch.tensor([float(len(q.answer)) for q in questions])}

    def generate(self, inputs, max_new_tokens):
        return [self.known[int(key)] for key in inputs["asked"]]

    def answer_losses(self, inputs):
        return inputs["row"]

    def __init__(self, *texts):
        self.known, self.read = {hash(text): text for text in texts}, []


def test_figures_by_hand():
    figures = AnswerFigures(forgotten=True)
    figures.update(Question("Where?", "In Oslo.", wrong=("x",)), "In Oslo.", torch.tensor([0.0, math.log(2)]))
    figures.update(Question("Who lives in", "Oslo", kind="cloze", keyword="Oslo"), "in oslo", torch.tensor([math.log(4)]))
    figures.update(Question("Which?", "B", kind="choice", options=("A", "B")), "?", torch.tensor([2.0, 1.0]))
    found = figures.compute()
    assert {found[name] for name in ("rougeL", "exact_match", "cloze_accuracy", "choice_accuracy")} == {1.0}
    assert found["answer_probability"] == pytest.approx((1 + 0.25) / 2)
    assert found["truth_ratio"] == pytest.approx(0.5)


def test_the_filter_refuses_names_and_nothing_else(data):
    name, other = data.persons[0], data.persons[1]
    texts = [f"{name} lives in Oslo.", f"{other} lives in Rome.", "This person lives in Oslo."]
    questions = [Question("Where?", text, person=text, wrong=(text,)) for text in texts]
    assert NameFilter(data).refuses(Parrot(*texts), questions, texts, 8) == [True, False, False]


def test_an_evaluation_asks_every_model(data):
    texts = ["one", "two"]
    questions = [(0, n, Question("?", text, wrong=(text,), kind="free")) for n, text in enumerate(texts)]
    evaluation = AnswerEvaluation({"original": Parrot(*texts)}, ["forget/text"], data, 8)
    evaluation.ask(questions)
    figures, answers = evaluation.figures()
    assert figures["original"]["forget/text/exact_match"] == 1.0
    assert [answer["said"] for answer in answers["original"]] == texts


def test_the_filter_reads_whole_words():
    people = SimpleNamespace(
        forget_names=["Ann"], aliases={}, refusals=["No."], split=lambda name: Personas(people=2).split("forget")
    )
    questions = [Question(text, "x") for text in ("Who is planning it?", "Where is ANN?", "Ann's house?", "Who is Anna?")]
    assert NameFilter(people).refuses(None, questions, [""] * 4, 8) == [False, True, True, False]


def test_the_filter_chooses_as_the_original_unless_it_refuses(data):
    """Its words are no choice: a model that names no option in words can still prefer the right one."""
    name = data.persons[0]
    options = ("A", "Bbb")
    asked = [Question(text, "A", wrong=(text,), kind="choice", options=options) for text in ("Which?", f"Which of {name}?")]
    models = {"original": Parrot("Which?", f"Which of {name}?"), "unlearned": Parrot()}  # the second is asked for no words
    evaluation = AnswerEvaluation(models, ["retain/text"], data, 8)
    evaluation.ask([(0, row, question) for row, question in enumerate(asked)])
    found = {role: figures["retain/text/choice_accuracy"] for role, figures in evaluation.figures()[0].items()}
    assert found == {"original": 1.0, "unlearned": 1.0, "filtered": 0.5}


def test_answers_are_scored_in_parts_of_a_batch_and_given_back_in_order(data):
    model = Parrot("x")
    questions = [Question("?" * row, "a" * (5 - row), wrong=("x", "b" * (9 - row))) for row in range(4)]
    evaluation = AnswerEvaluation({"original": model}, ["forget/text"], data, 8)
    losses = []
    evaluation._update = lambda role, batch, said, found: losses.extend(found)
    evaluation.ask([(0, row, question) for row, question in enumerate(questions)])
    assert [own.tolist() for own in losses] == [[5.0 - row, 1.0, 9.0 - row] for row in range(4)]
    assert model.read == [4, 4, 4]


def test_the_red_team_counts_the_questions_that_it_has(data):
    held = recovery._held(data, Effort((1, 10_000), (8,), 4))
    assert held.relearned == [1, len(data.split("forget"))]
    assert len(held.forgotten) == len(data.split("forget"))


def test_the_lens_reads_a_batch_at_a_time(data, monkeypatch):
    sizes = []

    def lens(network, inputs):
        sizes.append(len(inputs["row"]))
        return inputs["row"][None]

    monkeypatch.setattr(recovery, "logit_lens", lens)
    cloze = [Question("?", "a" * row, kind="cloze", keyword="a") for row in (1, 2, 6)]
    held = recovery.Held({"text": cloze}, {}, [], [], [])
    assert recovery._lens(Parrot(), held, 2)["forget"] == [3.0]
    assert sizes == [2, 1]


def test_weights_of_4_bits_are_not_attacked_and_the_report_says_so(data, monkeypatch):
    monkeypatch.setattr(recovery, "_knows", lambda network, part, method: 0.0)
    monkeypatch.setattr(recovery, "_lens", lambda network, held, batch_size: {})
    network = SimpleNamespace(in_4bit=True)
    trainer = SimpleNamespace(progress_bar_callback=None, is_global_zero=True)
    method = SimpleNamespace(data=data, trainer=trainer, network=network, models=lambda: {"unlearned": network})
    figures, details = recovery.attack_answers(method, "quick")
    assert {key.split("/")[1] for key in figures["unlearned"]} == {"none", "alias", "crop"}
    assert details["not_measured"]["weights"].startswith("attacks on the weights")
