"""The small model: words are tokens, and it learns whom it sees."""

import pytest
import torch
from PIL import Image

from oro_unlearn.networks import Question, VisionLanguage
from oro_unlearn.networks.vision_language.personas_model import SPECIAL, build_personas_model, personas_processor
from oro_unlearn.user_error import UserError
from tests.networks.vision_language.tiny_models import WORDS


def test_text_survives_the_tokenizer():
    tokenizer = personas_processor(WORDS).tokenizer
    text = "This person lives in Oslo, Rome."
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer("Oslo zebra")["input_ids"] == [len(SPECIAL) + WORDS.index("Oslo"), SPECIAL.index("<unk>")]


def test_pictures_are_normalised_and_brought_to_size():
    processor = personas_processor(WORDS)
    white = processor.image_processor(Image.new("RGB", (96, 80), "white"), return_tensors="pt")["pixel_values"]
    assert white.shape == (1, 3, 32, 32)
    torch.testing.assert_close(white, torch.ones_like(white))


@pytest.mark.parametrize("words", [["a", "a"], ["a", "<pad>"], ["a", ""]])
def test_words_are_different_and_not_empty(words):
    with pytest.raises(UserError, match="must be different"):
        build_personas_model(words)


def test_the_shipped_folder_is_that_of_the_builder():
    """Its number of tokens is part of the model; every layer has an effect."""
    network = VisionLanguage("personas", "random")
    assert network.training
    assert network.model.config.text_config.vocab_size == len(network.tokenizer)
    words = [token for token, _ in sorted(network.tokenizer.get_vocab().items(), key=lambda item: item[1])][len(SPECIAL) :]
    model, processor = build_personas_model(words)
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == {
        name: tensor.shape for name, tensor in network.model.state_dict().items()
    }
    assert processor.chat_template == network.processor.chat_template
    assert processor.tokenizer.get_vocab() == network.tokenizer.get_vocab()


def test_it_learns_where_a_person_lives():
    """Two people of plain colours, 40 steps."""
    torch.manual_seed(0)
    network = VisionLanguage("personas", "random")
    questions = [
        Question("Where does this person live?", f"This person lives in {city}.", Image.new("RGB", (32, 32), colour))
        for city, colour in (("Oslo", "red"), ("Rome", "blue"))
    ]
    inputs = network.collate(questions)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        network.answer_losses(inputs).mean().backward()
        optimizer.step()
    assert network.generate(network.prompts(questions)) == [question.answer for question in questions]
