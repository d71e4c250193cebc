"""Every page of the documentation: its code runs, its commands and options exist, its links lead somewhere."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import yaml

from oro_unlearn.cli.command_words import COMMANDS, CONFIG, INNER, OTHERS, RUNS, chosen, command_of, given, tidied
from oro_unlearn.cli.presets import PRESETS, config_path
from oro_unlearn.cli.pytest_plugin import HELP
from oro_unlearn.cli.source_options import found
from oro_unlearn.cli.suggestions import known_options
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
GENERATED = re.compile(r"<!-- \w+ \w[^\n]*? -->\n.*?<!-- end -->", re.DOTALL)  # says what was run then
BLOCK = re.compile(
    r"(<!-- not run: (?P<why>[^\n]+) -->\n\n?)?^```(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
RUN_ELSEWHERE = {"docs/your_own.md", "docs/networks.md"}  # test_your_own.py, test_docs_networks.py
INSTEAD = ('"ViT-B-32-quickgelu", "openai"', '"scenes"')  # a model that needs no download
ANY_HELP = ("model.help", "data.help", "trainer.help", "model.network.help", "help", "version")
FOLDERS = {path.name for path in PRESETS.iterdir() if path.is_dir()}


class Block(NamedTuple):
    """A block of code of a page."""

    info: str  # language, and a title where it has one
    code: str
    why: str | None  # it is not run


def text_of(page: Path) -> str:
    """A page without its generated tables."""
    return GENERATED.sub("", page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[Block]:
    return [Block(match["info"], match["code"], match["why"]) for match in BLOCK.finditer(text_of(page))]


def prose(page: Path) -> str:
    return BLOCK.sub("", text_of(page))


def python_of(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.info.startswith("python")]


def commands_of(page: Path) -> Iterator[list[str]]:
    """Words of every command line, in blocks, in steps of a workflow and in the text."""
    shell = [block.code.replace("\\\n", " ") for block in blocks(page) if block.info in ("sh", "bash")]
    shell += [
        line for block in blocks(page) if block.info == "yaml" for line in re.findall(r"^ *- run: (.*)$", block.code, re.M)
    ]
    for line in "\n".join(shell).splitlines():
        inner = re.search(r"\$\((.*?)\)", line)
        yield shlex.split(inner[1] if inner else line, comments=True)
    for line in re.findall(r"`((?:oro-unlearn|python -m|make|pytest) [^`\n]+)`", prose(page)):
        yield shlex.split(line)


def after_the_program(words: list[str]) -> list[str] | None:
    """Words after ``oro-unlearn`` or ``-m oro_unlearn``; None if another program is run."""
    starts = [place for place, word in enumerate(words) if word in ("oro-unlearn", "oro_unlearn")]
    return words[starts[0] + 1 :] if starts else None


def is_placeholder(word: str) -> bool:
    return word.upper() == word or word.partition("/")[0].isupper()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_exist(page):
    for words in commands_of(page):
        ours = after_the_program(words)
        if ours is not None:
            check_command(ours)
        if words[:2] == ["python", "-m"] and not words[2].rpartition(".")[2].isupper():
            assert importlib.util.find_spec(words[2]), words
        if words[:1] == ["pytest"]:
            own = {name for name, _ in given(words) if name.startswith("--oro")}
            assert own <= {f"--oro-{name}" for name in (*HELP, "undecided")}, words
        if words[:1] == ["make"]:
            targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert {word for word in words[1:] if "=" not in word} <= set(targets), words


def check_command(words: list[str]) -> None:
    """Command, presets and names of options; own files and folders are the reader's."""
    if not words:
        return
    words = tidied(words)
    command = command_of(words)
    for name, value in given(words):
        if name in CONFIG and Path(value).parts[0] in FOLDERS:
            assert os.path.exists(config_path(value)), value
    if command is None:
        assert {name for name, _ in given(words)} <= {"--config", "--help", "--version", "--PART.OPTION"}, words
        return
    assert command in COMMANDS or is_placeholder(command), words
    own = own_options(command, *words[1:2])
    classes = chosen(words)
    known = {f"--{name}" for name in (*known_options(words), *ANY_HELP)} if command in (*RUNS, "audit", "compare") else set()
    for name, _ in given(words):
        plain = name.replace("init_args.", "").removesuffix(".class_path")
        assert plain in own | known or of_own_class(plain.removeprefix("--"), classes), (name, words)


def own_options(command: str, inner: str = "") -> set[str]:
    """Options of a command's own parser; ``inner`` is the word after the command."""
    place = INNER.get((command, inner), {**OTHERS, "configs": "oro_unlearn.cli.presets"}.get(command))
    parser = import_module(place).parser() if place else None
    return {name for action in parser._actions for name in action.option_strings} if parser else set()


def of_own_class(option: str, classes: dict[str, str]) -> bool:
    """Whether an option is of a class that is not of this package, whose source is not at hand."""
    if option.startswith("trainer.callbacks."):
        return True
    part, _, _ = option.rpartition(".")
    return part in classes and found(part, classes[part]) is None


@pytest.mark.parametrize("page", [page for page in PAGES if python_of(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page):
    """In order, with one namespace for a page; values that a page speaks of are made by ``VALUES``."""
    name = str(page.relative_to(ROOT))
    names = VALUES.get(name, dict)()
    for block in python_of(page):
        code = compile(block.code.replace(*INSTEAD), name, "exec")
        if block.why is None and name not in RUN_ELSEWHERE:
            exec(code, names)


def probabilities(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))).softmax(-1)


def saved_outputs() -> dict[str, object]:
    splits = ("retain", "forget", "test_retain", "test_forget")
    return {f"{split}_logits": np.zeros((4, 3)) for split in splits} | {f"{split}_labels": np.arange(4) % 3 for split in splits}


def small_network() -> dict[str, object]:
    """A network of ten classes, and batches of images and labels."""
    from oro_unlearn.networks import SmallCNN

    images, labels = torch.randn(60, 1, 16, 16), torch.arange(60) % 10
    forget, retain = ((images[rows], labels[rows]) for rows in (labels == 8, labels != 8))
    batches = [(images, labels, torch.arange(60))]
    return {
        **{
            "network": SmallCNN(10, width=4, in_channels=1),
            "num_classes": 10,
            "train_batches": batches,
            "test_batches": batches,
        },
        **{"forget": forget, "retain": retain, "test_forget": forget},
    }


def features() -> dict[str, object]:
    from oro_unlearn.attacks import Scores

    def scores() -> Scores:
        return Scores(torch.randn(60, 10), torch.randn(60, 8), torch.arange(60) % 10, torch.arange(60))

    return {"a": scores(), "b": scores(), "test": scores()}


def attacked_by_ratio() -> dict[str, object]:
    own = {"p_train_f": (9,), "p_test_f": (7,), "p_population": (20,)}
    references = {"references_train_f": (3, 9), "references_test_f": (3, 7), "references_population": (3, 20)}
    values = {name: probabilities(*shape) for name, shape in (own | references).items()}
    return {**values, "retrained_values": [0.5, 0.52, 0.49]}


def shadow_models() -> dict[str, object]:
    def models(count: int) -> list[torch.nn.Module]:
        return [torch.nn.Linear(4, 10) for _ in range(count)]

    images, labels = torch.randn(12, 4), torch.full((12,), 8)
    return {"torch": torch, "images": images, "labels": labels, "unlearned_models": models(6), "retrained_models": models(6)}


def names_of_a_method() -> dict[str, object]:
    from typing import Any

    from torch import Tensor
    from torch.nn.functional import cross_entropy

    from oro_unlearn.methods import Batch, ClassUnlearning

    own = (Tensor, cross_entropy, Batch, ClassUnlearning)
    return {"Any": Any, **{value.__name__: value for value in own}}


def edited_relation() -> dict[str, object]:
    """The folder of a run that changed nothing: what the page loads."""
    from safetensors.torch import save_file

    from oro_unlearn.networks import OpenCLIP

    folder, clip = Path("runs/scenes-clip/shield"), OpenCLIP("scenes", "shipped")
    clip.add_adapter("text", rank=2)
    clip.save_adapter(folder / "adapter")
    save_file(clip.merged_state(), folder / "model.safetensors")
    return {}


def forgotten() -> dict[str, object]:
    """An audit and a report without anything to complain of."""
    names = ("acc_f", "probe_5_shot", "relearn_10", "relearn_20", "silhouette", "cka_original")
    figures = {name: {"edited": 0.0, "retrained": {"verdict": "inside"}} for name in names}
    for file, content in (
        ("runs/audit/audit.json", {"said_first": ["Asked: forget 8."], "figures": figures}),
        ("runs/digits-small_cnn/rwft_o/report.json", {"said_first": []}),
    ):
        Path(file).parent.mkdir(parents=True)
        Path(file).write_text(json.dumps(content))
    return {}


VALUES = {
    "docs/architecture.md": names_of_a_method,
    "docs/audit.md": saved_outputs,
    "docs/how_to.md": lambda: {"unlearned_probs": probabilities(4, 10), "retrained_probs": probabilities(4, 10)},
    "docs/how_to/ci.md": forgotten,
    "docs/tutorials/forget_a_relation.md": edited_relation,
    "docs/metrics/cosine_drift.md": lambda: {
        "base_cosine": torch.tensor([0.3, 0.2]),
        "edited_cosine": torch.tensor([-0.4, 0.3]),
    },
    "docs/metrics/linear_probe.md": small_network,
    "docs/metrics/class_red_team.md": small_network,
    "docs/metrics/relearning.md": small_network,
    "docs/metrics/representation.md": features,
    "docs/metrics/rmia.md": attacked_by_ratio,
    "docs/metrics/u_lira.md": shadow_models,
}


def anchor(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip())


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_resolve(page):
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]*)\)", prose(page)):
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), target
        assert page.parent == ROOT or DOCS in file.parents, f"{target} is no part of the site"
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE) if heading else []
        assert not heading or heading in map(anchor, headings), target


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_files_that_a_page_names_exist(page):
    for name in re.findall(r"(?<![\w./])((?:oro_unlearn|benchmarks|tests|lightning_configs|docs)/[\w/]+\.\w+)", prose(page)):
        assert (ROOT / name).is_file() or re.search(r"[A-Z]{3}", name), name


def test_every_page_is_in_the_navigation():
    def pages(entries: list) -> Iterator[str]:
        for entry in entries:
            value = next(iter(entry.values())) if isinstance(entry, dict) else entry
            yield from [value] if isinstance(value, str) else pages(value)

    listed = list(pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_nested_lists_are_indented_by_four(page):
    """Python-Markdown takes fewer spaces for text of the item above."""
    assert not re.findall(r"^(?! {4}| {8})( +)(?:[-*]|\d+\.) .*$", prose(page), re.MULTILINE)


@pytest.mark.skipif(not importlib.util.find_spec("mkdocs"), reason="the extra docs is not installed")
def test_the_site_is_built(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert built.returncode == 0, built.stderr
