"""Every class-unlearning method on every architecture: a small network of each, a few images, one epoch.

    python -m benchmarks.architectures

The script trains an original of each architecture on digits under runs/architectures. It edits the original with every preset
of lightning_configs/methods, of which only the length is changed. It writes benchmarks/results/architectures.json after each
edit. An edit whose result exists and is unchanged since is not run again. The figures show that an edit runs, is measured and
is exported on the architecture, and which share of the weights it changed. How well it forgets can only be measured in longer
runs.
"""

import argparse
import contextlib
import hashlib
import json
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

import oro_unlearn
from oro_unlearn.compare.jobs import Job
from oro_unlearn.compare.searches import ENTRIES
from oro_unlearn.compare.sources import record
from oro_unlearn.data import Digits
from oro_unlearn.data.images.image_data import TensorImages
from oro_unlearn.files import sha256_of

RESULT, RUNS = Path("benchmarks/results/architectures.json"), Path("runs/architectures")
NETWORKS = {  # in benchmarks/small_networks.py, as the table calls them
    "resnet18": "ResNet-18",
    "vgg11": "VGG-11",
    "narrow_vgg_bn": "VGG-11-BN, narrow",
    "densenet": "DenseNet",
    "efficientnet_b0": "EfficientNet",
    "mobilenet_v2": "MobileNetV2",
    "regnet_y": "RegNetY",
    "convnext_tiny": "ConvNeXt",
    "vit": "ViT",
    "swin": "Swin",
    "timm_vit": "ViT (timm)",
    "hf_vit": "ViT (Transformers)",
}
METHODS = {entry.preset: entry.label for name, entry in reversed(ENTRIES.items()) if not name.endswith(("_short", "_text"))}
LENGTH = {  # words that make a preset short; others train for an epoch
    "logit_mask": [],
    "ssd": ["--model.importance_file", "off"],
    "svd": ["--model.alpha_retain", "[100]", "--model.alpha_forget", "[3, 30]"],
    "scrub": ["--trainer.max_epochs", "2"],
    "unsir": ["--trainer.max_epochs", "2", *("--model.noise_images", "16", "--model.noise_steps", "4")],
    "amun": ["--trainer.max_epochs", "1", "--model.steps", "4", "--model.rounds", "3"],
}
RECIPES = {  # of originals: epochs and learning rate; RECIPE for the others
    **dict.fromkeys(("vgg11", "vgg11_bn"), (12, 1e-4)),
    "narrow_vgg_bn": (60, 1e-3),
    **dict.fromkeys(("vit", "hf_vit"), (60, 2e-3)),
    **dict.fromkeys(("efficientnet_b0", "mobilenet_v2", "timm_vit"), (60, 1e-3)),
}
RECIPE = (15, 1e-3)
QUIET = ["--trainer.logger", "false", "--trainer.enable_checkpointing", "false", "--trainer.enable_model_summary", "false"]
SMALL = ["--data.per_class", "32", "--data.test_per_class", "16", "--data.batch_size", "32", "--trainer.accelerator", "cpu"]


class EnlargedDigits(Digits):
    """The digits 0 to 4 in colour and 32 x 32 pixels, the least that five halvings of the resolution leave something of.

    Args:
        kwargs: Arguments of :class:`Digits`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(channels=3, **kwargs)

    @property
    def class_names(self) -> list[str]:
        """``0`` to ``4``."""
        return super().class_names[:5]

    def load(self) -> tuple[TensorImages, TensorImages]:
        """Training (720 images) and test set (181)."""
        train, test = (_enlarged(part.images, part.labels, len(self.class_names)) for part in super().load())
        return train, test


class Cell(NamedTuple):
    """One edit of one network."""

    network: str
    method: str
    seed: int

    @property
    def original(self) -> Job:
        """The run that trains the original."""
        epochs, rate = RECIPES.get(self.network, RECIPE)
        words = ["--trainer.max_epochs", str(epochs), "--model.optimizer.lr", str(rate), *self._data]
        return Job(RUNS / self.network / "original", Path("benchmarks/architectures.yaml"), self.seed, words, [])

    @property
    def job(self) -> Job:
        """The run that edits it."""
        weights = self.original.folder / "model.safetensors"
        words = [*self._data, "--data.forget", "[3]", "--model.original", str(weights)]
        words += LENGTH.get(self.method, ["--trainer.max_epochs", "1"])
        preset = Path("lightning_configs/methods") / f"{self.method}.yaml"
        return Job(RUNS / self.network / self.method, preset, self.seed, words, [weights])

    @property
    def _data(self) -> list[str]:
        network = ["--model.network", f"benchmarks.small_networks.{self.network}"]
        return [*network, "--data", "benchmarks.architectures.EnlargedDigits", *SMALL]

    def key(self) -> str:
        """Hash of everything that decides the figures, code included."""
        return hashlib.sha256(json.dumps(self.about()).encode()).hexdigest()

    def about(self) -> dict[str, Any]:
        """Version, configuration and code of the edit and of what it edits."""
        jobs = (self.original, self.job)
        configuration = {"commands": [job.command for job in jobs], "config": self.job.config.read_text()}
        code = hashlib.sha256("".join(job.sources() for job in jobs).encode()).hexdigest()
        return {"version": oro_unlearn.__version__, "sources": code, "configuration": configuration}


def run(cell: Cell) -> dict[str, Any]:
    """Train the original if it is missing, edit it, and take what the run reports.

    Args:
        cell: What to run.

    Returns:
        Version, sources, configuration, seconds, images read, test accuracies before and after, and the share of weights that
        changed; or ``failed`` with the last line of the error. Everything that was said is in ``RUNS/NETWORK/METHOD.log``.
    """
    job, original = cell.job, cell.original
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(job.folder, ignore_errors=True)
    with (
        job.folder.with_suffix(".log").open("w") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        try:
            if not original.usable():
                original.run(*QUIET, "--trainer.enable_progress_bar", "false")
            job.run(*QUIET, "--trainer.enable_progress_bar", "false")
            return {"key": cell.key(), **cell.about(), **figures(job, original)}
        except (Exception, SystemExit):
            traceback.print_exc(file=log)
        finally:
            for path in job.folder.glob("*.safetensors"):
                path.unlink()
    lines = job.folder.with_suffix(".log").read_text().strip().splitlines()
    return {"key": cell.key(), "failed": next((line for line in lines if "error:" in line.lower()), lines[-1])}


def figures(job: Job, original: Job) -> dict[str, Any]:
    """What is kept of a run."""
    report = job.report()
    models = {"original": "original", "unlearned": "unlearned"}
    accuracies = {
        name: {key: report["metrics"][role][f"test/{key}"] for key in ("acc_f", "acc_r")} for name, role in models.items()
    }
    changed = changed_share(original.folder / "model.safetensors", job.folder / "model.safetensors")
    return {"seconds": round(report["seconds"], 3), "images_read": report["images_read"], "changed": changed, **accuracies}


def changed_share(before: Path, after: Path) -> float:
    """Share of the weights that differ; statistics of batch normalisation left out.

    Raises:
        ValueError: If the files hold other weights, or nothing differs.
    """
    from safetensors.torch import load_file

    old, new = load_file(before), load_file(after)
    if {name: value.shape for name, value in old.items()} != {name: value.shape for name, value in new.items()}:
        raise ValueError(f"{after} is of another architecture than {before}")
    weights = [name for name, value in old.items() if value.is_floating_point() and "running_" not in name]
    changed = sum(int((old[name] != new[name]).sum()) for name in weights)
    if not changed:
        raise ValueError(f"{after}: the edit changed nothing")
    return changed / sum(old[name].numel() for name in weights)


def missing(cells: Sequence[Cell], found: dict[str, Any]) -> Iterator[Cell]:
    """Cells that have not been run as they are now, or have failed; one network after the other."""
    for cell in cells:
        record = found.get(cell.network, {}).get(cell.method, {})
        if record.get("key") != cell.key() or "failed" in record:
            yield cell


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), help="functions of benchmarks/small_networks.py")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), help="presets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(words)
    from rich.progress import track

    torch.set_num_threads(options.threads)
    result = json.loads(RESULT.read_text()) if RESULT.is_file() else {"cells": {}}
    cells = [Cell(network, method, options.seed) for network in options.networks for method in options.methods]
    todo = list(missing(cells, result["cells"]))
    for cell in track(todo, f"{len(todo)} of {len(cells)} edits"):
        record = run(cell)
        if "failed" in record:
            print(f"{cell.method} on {cell.network} failed: {record['failed']}", file=sys.stderr)
        result["cells"].setdefault(cell.network, {})[cell.method] = record
        write(result, options)


def write(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Everything so far, with where it comes from."""
    from oro_unlearn.files import write_json
    from oro_unlearn.report.run_report import hardware, versions

    cells = {f"{method} on {name}": cell for name, row in result["cells"].items() for method, cell in row.items()}
    failed = [name for name, cell in cells.items() if "failed" in cell]
    head = {
        "command": "python -m benchmarks.architectures",  # makes all cells; --networks and --methods only choose some of them
        "seed": options.seed,
        **record(__file__),
        "reused": reused(cells, options.seed),
    }
    about = {**head, "versions": versions(), "hardware": hardware("cpu"), "length": LENGTH, "networks": NETWORKS}
    write_json({**about, "failed": failed, "cells": result["cells"]}, RESULT)


def reused(cells: Mapping[str, Any], seed: int) -> dict[str, list[str]]:
    """Names of the edits that ran with other code than the present, by one hash of all their code.

    Args:
        cells: What was recorded of each edit, by ``METHOD on NETWORK``.
        seed: Seed of the runs.
    """
    others = {}
    for name, cell in cells.items():
        method, _, network = name.partition(" on ")
        code = cell.get("sources")  # an edit that failed has none
        if code and (method not in METHODS or code != Cell(network, method, seed).about()["sources"]):
            others[name] = code
    return {sha256_of(sorted(set(others.values()))): sorted(others)} if others else {}


def _enlarged(images: Tensor, labels: Tensor, count: int) -> TensorImages:
    """Of the first classes."""
    kept = labels < count
    images = interpolate(images[kept].float(), size=32, mode="bilinear")
    return TensorImages(images.round().clamp(0, 255).byte(), labels[kept])


if __name__ == "__main__":
    main()
