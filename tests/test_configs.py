"""Every YAML runs, offline, for a step; every one is short and sets the run's folder."""

import json
from functools import cache

import open_clip
import pytest
import yaml
from safetensors.torch import load_file

from oro_unlearn import data
from oro_unlearn.cli import build, main
from oro_unlearn.data.personas.persona_questions import PersonaQuestions
from oro_unlearn.data.relations.relation_data import RelationData
from oro_unlearn.networks import VisionLanguage, save_weights
from oro_unlearn.networks.clip_weights import SCENES
from tests.conftest import BRIEF, CONFIGS, SHORT, forget_one
from tests.data.personas.published_files import write_clear, write_mllmu
from tests.data.pictures import write_folder
from tests.reliability.small_runs import DRAWN_GRAPH, TWO_PHASES
from tests.small_people import FEW_PEOPLE, FEW_WORDS, RANDOM, method_words
from tests.small_world import FEW_PICTURES, shipped, write_graph

FILES = sorted(CONFIGS.glob("*/*.yaml"))
CONFIG = {file: yaml.safe_load(file.read_text()) for file in FILES}
PRESETS = [file for file in FILES if file.parent.name == "methods"]  # laid over an original.yaml
HARDWARE = [file for file in FILES if file.parent.name == "hardware"]  # laid over any other
FILES = [file for file in FILES if "trainer" in CONFIG[file] and file not in (*PRESETS, *HARDWARE)]  # not a graph
KIND = {file: getattr(data, CONFIG[file]["data"]["class_path"].rpartition(".")[2]) for file in FILES}
RELATIONS = [file for file in FILES if issubclass(KIND[file], RelationData)]
GRAPHS = [file for file in FILES if issubclass(KIND[file], data.GraphDataModule)]
PEOPLE = [file for file in FILES if issubclass(KIND[file], PersonaQuestions)]
CLASSES = [file for file in FILES if file not in (*RELATIONS, *PEOPLE, *GRAPHS)]
PUBLISHED = {data.CLEAR: (write_clear, "llava"), data.MLLMUBench: (write_mllmu, "qwen2_5_vl")}
REHEARSED = ("retrained", "logit_mask", "rwft_2_o", "rw_a")  # run whole on digits; elsewhere data and network are rwft_o's


def name(file) -> str:
    return f"{file.parent.name}/{file.stem}"


def narrow(file) -> list[str]:
    """Words that make a network an eighth as wide: its forward passes are most of a test's time."""
    width = CONFIG[file]["model"]["init_args"]["network"].get("init_args", {}).get("width", 0)
    return (
        ["--model.network.init_args.width", str(width // 8)]
        if width >= 16 and not file.parent.name.startswith("digits")
        else []
    )


@cache
def random_network(folder: str, network: str, *words: str):
    """The network of a folder's configs, with random weights; configs of a folder mostly share it."""
    config = next(file for file in CLASSES if file.parent.name == folder and network_of(file) == network)
    return build(["--config", str(config), "--model", "Training", *words]).model.network


def network_of(file) -> str:
    return json.dumps(CONFIG[file]["model"]["init_args"]["network"])


def test_every_data_set_has_every_config():
    """The models to compare with everywhere; whole YAMLs of RWFT wherever there is one."""
    references, methods = {"original", "retrained"}, {"logit_mask", "rwft_o", "rwft_2_o", "rw_a"}
    found = {folder: {file.stem for file in folder.glob("*.yaml")} for folder in {file.parent for file in CLASSES}}
    found = {folder: {name.removesuffix("_fast") for name in names} for folder, names in found.items()}
    assert all(names in (references, references | methods) for names in found.values())


def test_no_config_names_what_to_forget():
    """Whoever runs one does."""
    requests = ("forget", "forgotten", "forget_index", "forget_indices", "forget_files")
    assert not [name(file) for file in CLASSES for key in requests if key in CONFIG[file]["data"].get("init_args", {})]


def test_every_kind_of_pictures_of_relations_has_a_config():
    kinds = {getattr(data, name) for name in data.__all__}
    assert {KIND[file] for file in RELATIONS} == {kind for kind in kinds if issubclass(kind, RelationData)} - {RelationData}


def test_every_kind_of_people_has_a_config():
    """But those of the user's own file, which has any size."""
    kinds = {kind for kind in (getattr(data, name) for name in data.__all__) if issubclass(kind, PersonaQuestions)}
    assert {KIND[file] for file in PEOPLE} == kinds - {PersonaQuestions, data.PersonaFile}


@pytest.mark.parametrize("file", [*FILES, *PRESETS], ids=name)
def test_config_is_short_and_names_its_folder(file):
    text = file.read_text()
    folder = CONFIG[file]["trainer"]["default_root_dir"]
    assert text.startswith("#")
    assert text.count("\n") < 40
    assert folder.startswith(f"runs/{file.parent.name}-")


@pytest.mark.parametrize("under", ["cifar10/rwft_o", "relation_pairs/shield", "clear/mip_editor"])
@pytest.mark.parametrize("file", HARDWARE, ids=name)
def test_hardware_is_laid_over_any_other(file, under, capsys):
    """What is asked of the machine alone; its GPUs are not here."""
    assert set(CONFIG[file]) == {"trainer"}
    words = ["fit", "--config", str(CONFIGS / f"{under}.yaml"), "--config", str(file), "--print_config"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code in (0, None)
    shown = yaml.safe_load(capsys.readouterr().out)["trainer"]
    assert shown.items() >= CONFIG[file]["trainer"].items()


@pytest.mark.parametrize("file", CLASSES, ids=name)
def test_config_runs(file, run, report, offline, tmp_path):
    arguments = ["--config", str(file), *SHORT, *forget_one(file), *narrow(file)]
    plain = random_network(file.parent.name, network_of(file), *narrow(file))
    if file.stem.removesuffix("_fast") not in ("original", "retrained"):
        save_weights(plain, "original.safetensors")
        arguments += ["--model.original", "original.safetensors"]
    if file.stem != "logit_mask":
        arguments += ["--trainer.max_epochs", "1"]
    arguments += ["--trainer.default_root_dir", "out"]
    whole = file.stem.removesuffix("_fast") not in REHEARSED or file.parent.name == "digits"
    code, message = run("fit" if whole else "check", *arguments)
    assert code == 0, message
    if not whole:
        return
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "config.yaml",
        "model.ckpt",
        "model.safetensors",
        "report.json",
    }
    assert report("out")["data"] == KIND[file].name
    plain.load_state_dict(load_file("out/model.safetensors"), strict=True)


@pytest.mark.parametrize("file", RELATIONS, ids=name)
def test_relational_config_runs(file, run, report, tmp_path):
    """In a small world; of the scenes with the weights it names, if they are there, of pictures with random ones."""
    trains = CONFIG[file]["trainer"]["max_epochs"] > 0
    arguments = ["--config", str(file), *BRIEF, "--data.graph", write_graph()]
    arguments += ["--trainer.max_epochs", "1"] if trains else []
    arguments += ["--model.max_share", "0.001", "--model.trace", "1"] if file.stem == "causal_pruning" else []
    if KIND[file] is data.Scenes:
        arguments += [*FEW_PICTURES, *(shipped() if file.stem != "pretraining" else [])]
    else:
        write_folder(tmp_path / "pictures")
        arguments += ["--data.root", "pictures", "--data.manifest", "manifest.csv", "--data.forget", "child eating hamburger"]
        arguments += ["--data.image_size", "64", "--model.network.init_args.name", "scenes"]
        arguments += ["--model.network.init_args.pretrained", ""]
    code, message = run("fit", *arguments, "--trainer.default_root_dir", "out")
    assert code == 0, message
    edits = file.stem != "pretraining"
    files = {"config.yaml", "model.ckpt", "model.safetensors", "report.json", "cosines.png", "graph.png"}
    files |= ({"losses.png"} if trains else set()) | ({"closest.png"} if edits else set())
    files |= {"moment.safetensors"} if file.stem.startswith("closed_form") else set()
    whole = file.stem in ("causal_pruning", "neuron_path")  # edits of plain weights
    assert {path.name for path in (tmp_path / "out").iterdir()} >= files | ({"adapter"} if edits and not whole else set())
    assert file.stem != "causal_pruning" or report("out")["pruning"]["steps"]
    assert file.stem != "neuron_path" or report("out")["paths"]["towers"]["text"]["layers"]
    assert report("out")["data"] == KIND[file].name
    assert set(report("out")["metrics"]) == ({"original", "unlearned"} if edits else {"original"})
    plain = open_clip.create_model(f"local-dir:{SCENES}", load_weights=False)
    plain.load_state_dict(load_file("out/model.safetensors"), strict=True)


@pytest.mark.parametrize("file", GRAPHS, ids=name)
def test_graph_config_runs(file, run, report, tmp_path):
    """On a small random graph, in two epochs: one of each phase."""
    arguments = ["--config", str(file), *DRAWN_GRAPH, *TWO_PHASES.get(file.stem, [])]
    code, message = run("fit", *arguments, "--trainer.max_epochs", "2", "--trainer.default_root_dir", "out")
    assert code == 0, message
    files = {"config.yaml", "model.ckpt", "model.safetensors", "report.json", "losses.png", "explanations.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} >= files
    figures = report("out")["metrics"]["original"]
    assert 0 <= figures["test/low"] <= figures["test/accuracy"] <= figures["test/high"] <= 1
    assert report("out")["method"] == CONFIG[file]["model"]["class_path"]
    assert all(value.isfinite().all() for value in load_file("out/model.safetensors").values())


@pytest.mark.parametrize("file", PEOPLE, ids=name)
def test_config_of_people_runs(file, run, report, tiny_model, tmp_path):
    """A whole run; of published sets on tiny files in their layouts, and with a tiny model of the same family."""
    method, trains = CONFIG[file]["model"]["class_path"], CONFIG[file]["trainer"]["max_epochs"] > 0
    arguments = ["--config", str(file), *BRIEF, "--data.batch_size", "8", *FEW_WORDS, *method_words(file.stem)]
    arguments += ["--trainer.max_epochs", "1"] if trains else []
    if KIND[file] is data.Personas:
        arguments += [*FEW_PEOPLE, *RANDOM]
    else:
        writer, family = PUBLISHED[KIND[file]]
        arguments += ["--data.root", str(writer(tmp_path / "published")), "--model.network.init_args.name", tiny_model(family)]
        arguments += ["--data.eval_questions", "2", "--data.num_workers", "0"]
        arguments += ["--model.layer", "-1"] if method == "MIPEditor" else []
    code, message = run("fit", *arguments, "--trainer.default_root_dir", "out")
    assert code == 0, message
    edits = method not in ("PersonaTraining", "PersonaRetraining", "PersonaPretraining")
    files = {"config.yaml", "model.ckpt", "model.safetensors", "huggingface", "report.json", "report.html", "report.md"}
    files |= {"people.png", "people_figures.png"} | ({"losses.png"} if trains else set())
    files |= {"paths.png"} if method == "MIPEditor" else set()
    assert {path.name for path in (tmp_path / "out").iterdir()} >= files
    found = report("out")
    roles = {"original", "unlearned", "filtered"} if edits else {"retrained" if file.stem == "retrained" else "original"}
    assert found["data"] == KIND[file].name
    assert set(found["metrics"]) == roles
    state = load_file("out/model.safetensors")
    assert not [key for key in state if "lora" in key or "parametrizations" in key], "plain weights"
    VisionLanguage("out/huggingface")  # every weight is there


@pytest.mark.parametrize("file", PRESETS, ids=name)
def test_preset_is_laid_over_any_original(file):
    """It names no network and no data, and leaves nothing of the original's training in force; test_resume runs it."""
    options = CONFIG[file]["model"].get("init_args", {})
    assert set(CONFIG[file]) == {"trainer", "model"}
    assert not {"network", "original", "forget_classes", "num_classes"} & set(options)
    if CONFIG[file]["trainer"]["max_epochs"]:
        assert {"optimizer", "lr_scheduler"} <= set(options), "the original's would show through"
