"""One network for every family: losses, answers, adapters, and folders that transformers loads by itself."""

from copy import deepcopy

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from oro_unlearn.networks import VisionLanguage
from oro_unlearn.networks.lora import adapted_layers
from oro_unlearn.user_error import UserError
from tests.networks.vision_language.tiny_models import QUESTIONS


def test_losses_are_those_of_the_model_itself(network):
    for question in QUESTIONS:
        inputs = network.collate([question])
        own = network.model(**network._model_inputs(inputs), labels=inputs["labels"]).loss
        torch.testing.assert_close(network.answer_losses(inputs), own[None])


def test_log_probabilities_add_up_to_the_loss(network):
    inputs = network.collate(QUESTIONS)
    sums, numbers = network.answer_log_probs(inputs)
    assert numbers.tolist() == (inputs["labels"] != -100).sum(1).tolist()
    torch.testing.assert_close(-sums / numbers, network.answer_losses(inputs))
    assert network.answer_losses(inputs).dtype == torch.float32


def test_a_mixed_batch_gives_what_its_questions_give_alone(network):
    together = network.answer_losses(network.collate(QUESTIONS))
    alone = torch.cat([network.answer_losses(network.collate([question])) for question in QUESTIONS])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_a_picture_changes_the_loss(network):
    swapped = [QUESTIONS[0]._replace(image=QUESTIONS[2].image)]
    before, after = (network.answer_losses(network.collate(questions)) for questions in (QUESTIONS[:1], swapped))
    assert (before - after).abs() > 1e-4


def test_answers_do_not_depend_on_the_padding(network):
    together = network.generate(network.prompts(QUESTIONS), 5)
    assert together == [network.generate(network.prompts([question]), 5)[0] for question in QUESTIONS]
    assert any(together)


def test_an_answer_is_what_the_logits_say(network):
    """Greedy: the first token is the largest logit at the last token of the prompt."""
    prompts = network.prompts(QUESTIONS[:1])
    first = network(prompts)[0, -1].argmax()
    answer = network.generate(prompts, 1)[0]
    assert answer == network.tokenizer.decode([int(first)], skip_special_tokens=True).strip()


def test_a_penalty_of_the_model_changes_no_answer(network):
    """Released models of Qwen have one, which forbids to repeat a word of the question."""
    plain, settings = network.generate(network.prompts(QUESTIONS), 5), network.model.generation_config
    settings.repetition_penalty = 50.0
    try:
        assert network.generate(network.prompts(QUESTIONS), 5) == plain
    finally:
        settings.repetition_penalty = 1.0


def test_generation_leaves_the_mode(network):
    copy = deepcopy(network).train()
    copy.generate(copy.prompts(QUESTIONS[:1]), 1)
    assert copy.training


def test_text_is_read_at_the_last_token_of_the_prompt(network):
    inputs, prompts = network.collate(QUESTIONS), network.prompts(QUESTIONS)
    for row, mask in enumerate(network.positions(inputs, "text")):
        assert mask.sum() == 1
        assert inputs["labels"][row, int(mask.int().argmax()) + 1] >= 0 > inputs["labels"][row, int(mask.int().argmax())]
    assert network.positions(prompts, "text")[:, -1].all()
    assert network.positions(prompts, "text").sum() == len(QUESTIONS)


def test_pictures_are_read_where_the_language_model_reads_them(network):
    """A change of the state at a marked position changes the logits; one at LLaVA's CLS token, in the last block, does not."""
    inputs = network.collate(QUESTIONS)
    mask = network.positions(inputs, "vision")
    before, gradients = None, []

    def keep(_, read):
        read[0].requires_grad_()
        read[0].register_hook(gradients.append)

    network.model.requires_grad_(False)
    hook = network.vision_layers[-1].reader.register_forward_pre_hook(keep)
    before = network.answer_losses(inputs).sum()
    hook.remove()
    before.backward()
    network.model.requires_grad_(True)
    (gradient,) = gradients
    reached = gradient.abs().sum(-1) > 0
    if gradient.ndim == 2:  # all patches of all pictures in one sequence
        assert torch.equal(mask.any(0), reached)
        assert mask.sum(0).max() == 1
    else:
        assert torch.equal(mask, reached)


def test_no_picture_no_positions(network):
    with pytest.raises(UserError, match="choose multimodal questions"):
        network.positions(network.collate(QUESTIONS[1:2]), "vision")


@pytest.mark.parametrize("towers", ["text", "vision", "both"])
def test_the_gradient_reaches_every_adapter(network, towers):
    copy = deepcopy(network)
    before = copy.answer_losses(copy.collate(QUESTIONS))
    trainable = copy.add_lora(rank=2, alpha=4, towers=towers)
    losses = copy.answer_losses(copy.collate(QUESTIONS))
    torch.testing.assert_close(losses, before)
    losses.sum().backward()
    parameters = {name: parameter for name, parameter in copy.named_parameters() if parameter.requires_grad}
    assert sum(parameter.numel() for parameter in parameters.values()) == trainable
    assert all("lora_" in name for name in parameters)
    assert [name for name, parameter in parameters.items() if "lora_B" in name and not parameter.grad.abs().sum() > 0] == []


def test_a_merged_adapter_leaves_plain_weights(network):
    copy = deepcopy(network)
    copy.add_lora(rank=2)
    fill(copy)
    inputs = copy.collate(QUESTIONS)
    adapted = copy(inputs)
    readers = [layer.reader for layer in copy.text_layers]
    copy.merge()
    assert not adapted_layers(copy.model)
    assert all(one is layer.reader for one, layer in zip(readers, copy.text_layers, strict=True))
    torch.testing.assert_close(copy(inputs), adapted, rtol=1e-3, atol=1e-3)
    assert (network(inputs) - adapted).abs().max() > 1e-3


@pytest.mark.parametrize("adapted", [False, True])
def test_a_saved_folder_is_loaded_by_transformers_alone(network, tmp_path, adapted):
    copy = deepcopy(network)
    if adapted:
        copy.add_lora(rank=2)
        fill(copy)
    copy.save(tmp_path / "model")
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "model").eval()
    inputs = copy.collate(QUESTIONS)
    torch.testing.assert_close(model(**copy._model_inputs(inputs)).logits, copy(inputs), rtol=1e-3, atol=1e-3)
    assert type(AutoProcessor.from_pretrained(tmp_path / "model")) is type(copy.processor)
    assert bool(adapted_layers(copy.model)) is adapted  # the model itself keeps its adapter
    again = VisionLanguage(str(tmp_path / "model"))
    assert {name: tensor.tolist() for name, tensor in again.collate(QUESTIONS[:1]).items()} == {
        name: tensor.tolist() for name, tensor in copy.collate(QUESTIONS[:1]).items()
    }


def test_a_failed_save_leaves_the_older_model(network, tmp_path, monkeypatch):
    network.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(type(network.model), "save_pretrained", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(UserError, match=r"cannot be written \(disk full\)"):
        network.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_checkpointing_changes_no_gradient(network, folder):
    copy = VisionLanguage(str(folder), gradient_checkpointing=True).train()
    gradients = []
    for one in (deepcopy(network).train(), copy):
        one.answer_losses(one.collate(QUESTIONS)).sum().backward()
        gradients.append([parameter.grad for parameter in one.parameters()])
    assert copy.model.is_gradient_checkpointing
    for one, other in zip(*gradients, strict=True):
        assert (one is None) is (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_bfloat16(folder, network):
    half = VisionLanguage(str(folder), dtype="bfloat16")
    assert half(half.collate(QUESTIONS)).dtype == torch.bfloat16
    losses = half.answer_losses(half.collate(QUESTIONS))
    assert losses.dtype == torch.float32
    torch.testing.assert_close(losses, network.answer_losses(network.collate(QUESTIONS)), rtol=0.2, atol=0.3)


def fill(network):
    """Give the adapters an effect."""
    torch.manual_seed(0)
    for name, parameter in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter.data, std=0.05)
