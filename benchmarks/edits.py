"""Models that are scored: what each says and sees on every split, and how fast it relearns, saved once for every audit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.jobs import Job
from oro_unlearn.attacks import collect_scores, linear_probe, relearning_curve, save_scores, silhouette

SPLITS = ("retain", "forget", "test_retain", "test_forget")
MEMBERS = 1000  # retained training images that are scored, evenly spaced; of the other splits all are
STEPS = (10, 20)  # of relearning
RELEARNINGS = 2  # seeds of its rows and batches, the same for every model
RETAINED_TESTS = 300  # retained test images that relearning is measured on beside the forgotten ones
QUIET = ["--trainer.logger", "false", "--trainer.enable_checkpointing", "false", "--trainer.enable_model_summary", "false"]


class Scoring(Job):
    """Scores a finished model, the first of its ``inputs``, under one request to forget."""

    def run(self, *words: str) -> None:
        """Load, score and report."""
        from oro_unlearn.cli import build, settle
        from oro_unlearn.networks import load_weights

        settle()
        (self.folder / "job.key").unlink(missing_ok=True)
        cli = build([*self.command[1:], *QUIET, *words])
        load_weights(cli.model.network, self.inputs[0])
        self.finish(cli, cli.model.network)

    attacked = True  # probed and relearned too; not where settings are chosen by outputs alone

    def finish(self, cli: Any, network: nn.Module) -> None:
        """Write ``scores.safetensors``, then ``report.json`` and the key: where they are, the job is done."""
        from oro_unlearn.report.run_report import hardware, versions, write_json

        figures = score(cli.datamodule, network, self.folder / "scores.safetensors", self.attacked)
        machine = {"versions": versions(), "hardware": hardware(cli.trainer.strategy.root_device.type)}
        images = {"images_read": cli.model.images_read, "images_backward": cli.model.images_backward}
        cost = {"seconds": round(cli.model.seconds, 3), **images}
        report = {"command": self.command, **cost, "figures": figures, **machine}
        write_json(report, self.folder / "report.json")
        self.mark_finished()


class Edit(Scoring):
    """An unlearning run without the command line's own measurement, scored."""

    def run(self, *words: str) -> None:
        """Fit, write the weights, score and report."""
        from oro_unlearn.cli import build, settle

        settle()
        (self.folder / "job.key").unlink(missing_ok=True)
        cli = build([*self.command[1:], *QUIET, *words])
        cli.trainer.fit(cli.model, datamodule=cli.datamodule)
        cli.model.write(self.folder)
        self.finish(cli, cli.model.export())


class Trial(Edit):
    """An unlearning run with a setting that may be chosen: its outputs are all that is needed."""

    attacked = False


class TrialScoring(Scoring):
    """Scores a model that trials are compared with."""

    attacked = False


def score(data: Any, network: nn.Module, path: Path, attacked: bool) -> dict[str, Any]:
    """Save logits and features of every split; probe the features and relearn.

    Args:
        data: A data module with something to forget.
        network: Any classifier.
        path: The file of the scores.
        attacked: Whether to probe and relearn.

    Returns:
        Figures by name.
    """
    images = {name: prepared(data, name) for name in SPLITS}
    scores = {name: collect_scores(network, data.num_classes, batches(*images[name])) for name in SPLITS}
    if any(not (part.logits < torch.inf).all() for part in scores.values()):  # false for NaN; a mask's -inf may be
        raise ValueError("the network's outputs are NaN or infinite: it diverged")
    save_scores(scores, path)
    if not attacked:
        return {}
    forgotten = data.forget_classes
    features = torch.cat([scores["retain"].features, scores["forget"].features])
    labels = torch.cat([scores["retain"].labels, scores["forget"].labels])
    test_features = torch.cat([scores["test_retain"].features, scores["test_forget"].features])
    test_labels = torch.cat([scores["test_retain"].labels, scores["test_forget"].labels])
    probes = {
        name: linear_probe(features, labels, test_features, test_labels, forgotten, shots=shots)
        for name, shots in (("probe_full", None), ("probe_5_shot", 5))
    }
    curve = relearned(network, data, images)
    return {
        **{name: probe.recall for name, probe in probes.items()},
        **{f"relearn_{step}": value for step, value in curve.items()},
        "silhouette": sum(silhouette(test_features, test_labels, label) for label in forgotten) / len(forgotten),
    }


def relearned(network: nn.Module, data: Any, images: dict[str, tuple[Tensor, Tensor, Tensor]]) -> dict[int, float]:
    """Balanced accuracy of the forgotten classes after a few steps, averaged over seeds."""
    sets = {name: parts[:2] for name, parts in images.items()}
    few = spaced(len(sets["test_retain"][1]), RETAINED_TESTS)
    tests = (sets["test_retain"][0][few], sets["test_retain"][1][few])
    given = (network, data.num_classes, data.forget_classes, sets["forget"], sets["retain"], sets["test_forget"])
    curves = [relearning_curve(*given, steps=STEPS, seed=seed, test_retain=tests) for seed in range(RELEARNINGS)]
    return {step: sum(curve[step] for curve in curves) / len(curves) for step in STEPS}


def spaced(size: int, count: int) -> Tensor:
    """At most so many rows of a set, evenly spaced."""
    return torch.linspace(0, size - 1, min(size, count)).long()


def prepared(data: Any, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised images (N, C, H, W), labels (N,) and index (N,) of a split; of ``retain`` at most ``MEMBERS``."""
    split = data.split(name)
    if name == "retain":
        split = split.subset(split.positions[spaced(len(split), MEMBERS)])
    pixels, labels, index = (torch.cat(parts) for parts in zip(*data.loader(split), strict=True))
    return data.normalise(pixels.float() / 255), labels, index


def batches(images: Tensor, labels: Tensor, index: Tensor, size: int = 256) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """In order."""
    yield from zip(images.split(size), labels.split(size), index.split(size), strict=True)
