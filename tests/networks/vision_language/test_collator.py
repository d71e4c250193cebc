"""Batches of questions: what is a label, what is padding, and what is too long."""

import pickle

import pytest
import torch

from oro_unlearn.networks import Question, QuestionCollator
from oro_unlearn.user_error import UserError
from tests.networks.vision_language.tiny_models import QUESTIONS, picture


def test_labels_are_the_answer_and_its_end(network):
    inputs = network.collate(QUESTIONS)
    for row, question in enumerate(QUESTIONS):
        labels = inputs["labels"][row]
        kept = labels != -100
        assert torch.equal(labels[kept], inputs["input_ids"][row][kept])
        tokens = labels[kept].tolist()
        assert tokens[-1] in network.collator.end_tokens
        answer = network.tokenizer(question.answer, add_special_tokens=False)["input_ids"]
        assert tokens[:-1] == answer
        first = int(kept.int().argmax())
        assert kept[first : first + len(tokens)].all()  # in one piece
        assert int(inputs["attention_mask"][row].sum()) == first + len(tokens)  # nothing but padding behind it


def test_prompts_are_the_batch_without_answers(network):
    inputs, prompts = network.collate(QUESTIONS), network.prompts(QUESTIONS)
    assert "labels" not in prompts
    for row in range(len(QUESTIONS)):
        before = inputs["input_ids"][row, : int((inputs["labels"][row] != -100).int().argmax())]
        kept = prompts["attention_mask"][row].bool()
        assert torch.equal(prompts["input_ids"][row][kept], before)
        assert kept[-1]


def test_the_collator_travels_to_workers(network):
    again = pickle.loads(pickle.dumps(network.collator))
    for name, tensor in again.collate(QUESTIONS).items():
        assert torch.equal(tensor, network.collate(QUESTIONS)[name])


def test_too_long_a_question_is_named(network):
    short = QuestionCollator(network.processor, network.model.config.model_type, network.collator.end_tokens, 12)
    with pytest.raises(UserError, match=r"'What is .* more than max_length=12: raise max_length"):
        short.collate([Question("What is the colour of hair ? " * 3, "Red")])


def test_a_placeholder_in_a_question_is_refused(network):
    with pytest.raises(UserError, match="placeholder of a picture: take it out"):
        network.collate([Question(f"{network.processor.image_token} Where?", "Rome", picture("red"))])


def test_a_model_without_chat_template_gets_the_plain_texts(network):
    template, network.processor.chat_template = network.processor.chat_template, None
    try:
        collator = QuestionCollator(network.processor, network.model.config.model_type, network._end_tokens(), 64)
        inputs = collator.collate(QUESTIONS)
    finally:
        network.processor.chat_template = template
    labels = [network.tokenizer.decode(row[row >= 0], skip_special_tokens=True) for row in inputs["labels"]]
    assert [label.replace(" ", "") for label in labels] == [question.answer.replace(" ", "") for question in QUESTIONS]
    assert network.answer_losses(inputs).isfinite().all()


def test_a_template_that_changes_its_prompt_is_refused(network):
    template = network.processor.chat_template
    network.processor.chat_template = "{% if messages | length > 1 %}Red {% endif %}" + template
    try:
        with pytest.raises(UserError, match="another prompt with the answer than without it"):
            network.collate(QUESTIONS[1:2])
    finally:
        network.processor.chat_template = template


def test_special_tokens_in_a_text_are_refused(network):
    """The tokenizer would end the answer there."""
    mark = network.tokenizer.eos_token
    for question in (Question("Where is Rome?", f"Rome {mark} Oslo"), Question(f"Where {mark} is Rome?", "Rome")):
        with pytest.raises(UserError, match="which is a special token of this model's tokenizer"):
            network.collate([question])


def test_blanks_around_an_answer_are_no_part_of_it(network):
    plain, blank = (network.collator._texts(Question("Where is Rome?", answer)) for answer in ("Rome", "\n Rome "))
    assert plain == blank
