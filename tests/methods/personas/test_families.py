"""MIP-Editor on a tiny random model of each family: it trains, is measured again, goes on, and is written for transformers."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from oro_unlearn.networks import VisionLanguage
from tests.conftest import CONFIGS
from tests.networks.vision_language.tiny_models import QUESTIONS, picture
from tests.reliability.small_runs import killed_in_second_epoch
from tests.small_people import FEW_NEURONS, FEW_WORDS, write_questions

FAMILIES = ("llava", "qwen2_vl", "qwen2_5_vl", "idefics3", "internvl")  # of the last, a picture may have several tiles
MEASURED_AGAIN = "qwen2_vl"


@pytest.fixture
def questions(tmp_path):
    """Two people, each with pictures of two shapes and a question without picture, trained on and measured."""
    rows = []
    for person, colour in (("Rome", "red"), ("Lima", "blue")):
        for use, sizes in (("train", (32, (56, 28))), ("test", (32,))):
            for number, size in enumerate(sizes):
                name = f"{person}-{use}-{number}.png"
                shown = picture(colour).resize(size if isinstance(size, tuple) else (size, size))
                shown.save(tmp_path / name)
                asked = {"question": "Where does This person live?", "answer": f"This person lives in {person}."}
                rows.append({**asked, "image": name, "person": person, "split": use, "keyword": person})
            asked = {"question": f"Where does {person} live?", "answer": person, "kind": "cloze"}
            rows.append({**asked, "person": person, "split": use})
    return write_questions(tmp_path / "people.jsonl", [json.dumps(row) for row in rows])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_of_each_family(family, run, report, tiny_model, questions):
    """Killed in its second epoch, it goes on to the same weights; transformers computes the same logits from its export."""
    words = ["--config", str(CONFIGS / "clear" / "mip_editor.yaml"), "--data", "PersonaFile", "--data.file", questions]
    words += ["--data.forget", "[Rome]", "--data.batch_size", "4", "--data.num_workers", "0", "--model.layer", "-1"]
    words += ["--model.network.init_args.name", tiny_model(family), "--model.network.init_args.dtype", "float32"]
    words += ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.max_epochs", "2"]
    words += [*FEW_NEURONS, *FEW_WORDS, "--data.forget_percent", "0", "--force", "true", "--audit.attacks", "none"]
    code, message = run("fit", *words, "--trainer.default_root_dir", "whole")
    assert code == 0, message
    with killed_in_second_epoch() as killed:
        run("fit", *words, "--trainer.default_root_dir", "killed")
    assert killed
    assert run("fit", *words, "--trainer.default_root_dir", "killed")[0] == 0
    assert Path("killed/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()
    if family == MEASURED_AGAIN:
        assert run("test", *words, "--trainer.default_root_dir", "whole", "--report", "again")[0] == 0
        assert report("again")["metrics"] == report("whole")["metrics"]
    assert set(report("whole")["paths"]) >= {"text", "vision"}
    assert report("killed")["metrics"] == report("whole")["metrics"]
    network = VisionLanguage("whole/huggingface")
    plain = AutoModelForImageTextToText.from_pretrained("whole/huggingface").eval()
    inputs = network.collate(QUESTIONS)
    with torch.no_grad():
        found = plain(**network._model_inputs(inputs), use_cache=False).logits
        assert torch.equal(found, network(inputs))
        assert not torch.allclose(found, VisionLanguage(tiny_model(family))(inputs)), "nothing was edited"
    assert not [name for name in plain.state_dict() if "parametrizations" in name]
