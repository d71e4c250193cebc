"""What a relational run leaves on disk, and what can be done with it: measure again, go on, open_clip, peft."""

import json
import shutil
import signal
import warnings
from pathlib import Path

import open_clip
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from oro_unlearn.attacks.relations import EFFORTS
from oro_unlearn.audit.relation_verdict import BY_GROUP
from oro_unlearn.methods import RelationUnlearning
from oro_unlearn.methods.relations.relation_audit import ATTACKS
from oro_unlearn.methods.relations.weight_attack import WEIGHT_EFFORTS
from oro_unlearn.networks import OpenCLIP, split_attention
from oro_unlearn.networks.clip_weights import SCENES
from tests.conftest import CONFIGS
from tests.small_world import LISTED, LOSSES, ONE_BATCH, SHIPPED, write_graph

CAPTIONS = ["a child eating a hamburger", "an adult holding a ball", "a dog"]
FILES = {"report.json", "report.html", "report.md", "config.yaml", "model.ckpt", "model.safetensors", "adapter", "logs",
         "losses.png", "cosines.png", "closest.png", "graph.png"}  # fmt: skip


def loaded(folder: Path) -> OpenCLIP:
    """The edited network of a run."""
    network = OpenCLIP("scenes", pretrained=str(folder.parent / "base.safetensors"))
    network.add_adapter(rank=16, alpha=32)
    network.load_adapter_state(state(folder))
    return network.eval()


def equal(found: dict, expected: dict) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


def state(folder: str | Path) -> dict[str, torch.Tensor]:
    return torch.load(Path(folder) / "model.ckpt", weights_only=True)["state_dict"]


@pytest.fixture
def quiet():
    """Nothing a user would be warned of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("ignore")
        for kind in (UserWarning, FutureWarning, RuntimeWarning):
            warnings.simplefilter("always", kind)
        yield
    assert not [str(warning.message) for warning in found]


def test_files_of_a_run(finished):
    assert {path.name for path in finished.iterdir()} == FILES
    tensors = state(finished)
    assert tensors
    assert all(".lora_" in name for name in tensors), "the checkpoint holds the adapter alone"
    assert (
        sum(tensor.numel() for tensor in tensors.values())
        == json.loads((finished / "report.json").read_text())["adapter_parameters"]
    )


def test_measuring_again_gives_the_same_report(quiet, finished, run, report):
    shutil.copytree(finished, "out")
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    words = ("--config", "out/config.yaml", "--trainer.default_root_dir", "out", "--report", "again")
    code, message = run("test", *words)
    assert code == 0, message
    assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == before
    pictures = {"cosines.png", "closest.png", "graph.png", "losses.png"}
    assert {path.name for path in Path("again").iterdir()} == {"report.json", "report.html", "report.md", *pictures}
    first, again = report(finished), report("again")
    folder = {"run", "config"}  # they say where the run lies
    assert {k: v for k, v in again.items() if k not in folder} == {k: v for k, v in first.items() if k not in folder}


def test_exported_weights_are_plain_open_clip(finished):
    plain = open_clip.create_model(f"local-dir:{SCENES}", load_weights=False).eval()
    plain.load_state_dict(load_file(finished / "model.safetensors"), strict=True)
    network = loaded(finished)
    tokens = network.tokenizer(CAPTIONS)
    with torch.no_grad():
        edited = network.encode_text(tokens)
        assert torch.allclose(plain.encode_text(tokens, normalize=True), edited, atol=1e-5)
        with network.reference():
            assert not torch.allclose(network.encode_text(tokens), edited, atol=1e-3), "the run changed something"


def test_the_adapter_loads_in_peft(finished):
    base = open_clip.create_model(f"local-dir:{SCENES}", load_weights=False).eval()
    base.load_state_dict(load_file(finished.parent / "base.safetensors"))
    peft = PeftModel.from_pretrained(split_attention(base), finished / "adapter").eval()
    network = loaded(finished)
    tokens = network.tokenizer(CAPTIONS)
    with torch.no_grad():
        assert torch.allclose(peft.encode_text(tokens, normalize=True), network.encode_text(tokens), atol=1e-6)


def test_the_adapter_loads_here_and_on_its_own_base_only(finished):
    network = OpenCLIP("scenes", pretrained=str(finished.parent / "base.safetensors"))
    network.load_adapter(finished / "adapter")
    tokens = network.eval().tokenize(CAPTIONS)
    with torch.no_grad():
        assert torch.equal(network.encode_text(tokens), loaded(finished).encode_text(tokens))
    with pytest.raises(ValueError, match="another base model"):
        OpenCLIP("scenes", pretrained="").load_adapter(finished / "adapter")


def test_a_stopped_run_goes_on_where_it_stopped(quiet, relational, run, monkeypatch):
    """With one pair a group and no vocabulary nothing is drawn at random."""
    every = [*ONE_BATCH, "--data.pairs", "1", "--model.kl_rows", "0", "--model.vocab_text", "0"]
    assert run("fit", *relational(*every, "--trainer.default_root_dir", "whole"))[0] == 0

    def stop(self):
        if self.current_epoch == 1:
            raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)  # Lightning ignores further interrupts
    with monkeypatch.context() as patch:
        patch.setattr(RelationUnlearning, "on_train_epoch_start", stop)
        code, message = run("fit", *relational(*every, "--trainer.default_root_dir", "half"))
    signal.signal(signal.SIGINT, handler)
    assert code != 0
    assert "stopped; the same command continues the run" in message
    assert not equal(state("half"), state("whole"))
    code, message = run("fit", *relational(*every, "--trainer.default_root_dir", "half"))
    assert code == 0, message
    assert equal(state("half"), state("whole"))
    steps = [torch.load(f"{folder}/model.ckpt", weights_only=True) for folder in ("half", "whole")]
    assert steps[0]["global_step"] == steps[1]["global_step"] == 2
    assert steps[0]["lr_schedulers"] == steps[1]["lr_schedulers"]
    reports = [json.loads(Path(folder, "report.json").read_text()) for folder in ("half", "whole")]
    assert reports[0]["metrics"] == reports[1]["metrics"]


def test_a_new_fit_leaves_nothing_of_the_old_one(finished, relational, run):
    shutil.copytree(finished, "out")
    words = relational(*ONE_BATCH, "--model.optimizer.lr", "1e30", "--trainer.default_root_dir", "out")
    code, message = run("fit", *words)
    assert code == 2
    assert "RelationUnlearning diverged in epoch 1" in message
    assert {path.name for path in Path("out").iterdir()} == {"config.yaml", "logs", "model.ckpt"}
    assert all(tensor.isfinite().all() for tensor in state("out").values()), "of the epoch before"


def test_the_losses_of_every_step_are_logged(finished):
    lines = (finished / "logs/version_0/metrics.csv").read_text().splitlines()
    assert {f"loss/{name}" for name in LOSSES} <= set(lines[0].split(","))
    assert len(lines) == 3


@pytest.mark.skipif(not SHIPPED.is_file(), reason=f"{SHIPPED.name} is not there yet")
def test_the_shipped_recipe_forgets_what_it_is_told_and_keeps_the_rest(run, report, monkeypatch):
    """Thirty steps in the small world, which is a part of the one that the shipped weights know; and a very short search."""
    monkeypatch.setitem(EFFORTS, "quick", EFFORTS["quick"]._replace(queries=200, rounds=4, candidates=20))
    monkeypatch.setitem(WEIGHT_EFFORTS, "quick", WEIGHT_EFFORTS["quick"]._replace(batch=16, kept=32))
    words = ["--config", str(CONFIGS / "scenes/shield.yaml"), "--data.graph", write_graph()]
    words += ["--data.listed", json.dumps(LISTED), "--data.pairs", "64", "--data.gallery", "2", "--data.probe_pictures", "12"]
    words += ["--data.neighbour_pictures", "4", "--trainer.max_epochs", "15", "--trainer.enable_progress_bar", "false"]
    code, message = run("fit", *words, "--trainer.default_root_dir", "out")
    assert code == 0, message
    before, after = (report("out")["metrics"][role] for role in ("original", "unlearned"))
    assert before["direct/r5"] == 1
    assert before["retrieval/i2t_r1"] > 0.8
    for attack in ("direct", *ATTACKS):
        assert after[f"{attack}/r5"] < 0.1, attack
    assert abs(after["direct/cosine"] - before["unrelated/cosine"]) < 0.2
    assert after["unlisted_neighbour/absolute_drift"] < 0.05
    assert after["worst_neighbour/accuracy"] > 0.9
    assert after["retrieval/i2t_r1"] > before["retrieval/i2t_r1"] - 0.05
    assert min(after[f"rss/{part}"] for part in ("suppression", "preservation", "robustness")) > 0.8
    assert {"search_cosine/r5", "search_contrast/auc", "search/foil_r5", "probe_caption/auc", "rss/removal"} <= after.keys()
    assert {"typo_search/r5", "indirect/auc", "synonym/r5", "crop/excess_r5", "mixed/r5", "image_query/auc"} <= after.keys()
    assert not {"search_gradient/auc", "pgd_2/r5"} & after.keys()
    assert before["image_query/auc"] == after["image_query/auc"] > 0.6
    assert before["crop/r5"] > 0.9
    assert after["crop/r5"] < 0.5
    assert before["search/auc"] > 0.6
    assert before["probe_picture/auc"] == after["probe_picture/auc"], "only the text tower was edited"
    found = report("out")
    assert {f"direct/{figure}" for figure in BY_GROUP} <= set(found["metrics"]["unlearned"]), "a criterion can ask for each"
    assert found["audit"]["removal"]["answer"] == "shield", "a text tower cannot remove what the image tower holds"
    assert found["said_first"] == [found["audit"]["removal"]["words"]]
    strongest = found["search"]["unlearned"]["strongest"]
    assert strongest["caption"] in found["said_first"][0]
    assert strongest["caption"] in Path("out/report.html").read_text()
    parts = found["audit"]["parts"]["answers"]
    assert f"searched caption: {strongest['caption']}" in parts
    assert "plain caption, cropped pictures" in parts
    assert set(found["search"]["unlearned"]["captions"]["search_cosine"]["others"]) == {"original"}
    assert found["weights"]["pairs"] == {"relearn_16": 16}
    assert after["no_attack/r5"] == after["quantised_8/r5"] == 0 < after["relearn_16/r5"], "a few pairs bring it back"
    page = Path("out/report.html").read_text()
    assert "after a short training on 16 pairs R@5 goes from 0.000 to" in found["audit"]["words"][-2]
    assert "Taking the adapter off needs no attack" in page
