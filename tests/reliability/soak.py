"""Soak test: requests to forget, one after another, for two hours in one process. It measures memory, drift and earlier
requests.

    python -m tests.reliability.soak --minutes 120       (with tinyimagenet20 in $ORO_DATA)

A round first forgets ten classes of a ResNet-18 one by one. Each request starts from the model of the request before. Then it
forgets ten tuples of the shipped CLIP model, each with a new adapter on top of all earlier adapters. Rounds differ in seed and
order. Every request is recorded in runs/reliability/soak/rows.json: after an interruption, the same command continues with the
next request. Memory is that of one process. Writes benchmarks/results/reliability_soak.json.
"""

import argparse
import contextlib
import gc
import json
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from torch import nn

from oro_unlearn.cli import build, settle
from oro_unlearn.compare.jobs import Job
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.methods.relations.relation_audit import Features, measure
from oro_unlearn.metrics.total_variation import total_variation
from oro_unlearn.networks import OpenCLIP, load_weights
from tests.reliability.records import write

ROOT, CONFIGS = Path("runs/reliability/soak"), Path("lightning_configs")
CLASSES = CONFIGS / "tinyimagenet20_small" / "original.yaml"
METHOD = CONFIGS / "methods" / "rwft_2_o.yaml"  # at the rate that oro_unlearn.compare.comparison chose for this data
RATE = ["--model.optimizer.lr", "0.01"]
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.precision", "32-true"]
TUPLES = (
    "child eating hamburger",
    "child drinking wine",
    "adult holding phone",
    "robot throwing book",
    "dog kicking ball",
    "elder drinking beer",
    "bear eating cake",
    "cat next to dog",
    "toddler under phone",
    "robot pointing at ball",
)
REQUESTS = 10


def resident() -> float:
    """Memory that this process holds now, in MB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def fit(words: Sequence[str], folder: Path) -> Any:
    """One run of the command line in this process; its table goes to a log."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "job.log").open("w") as log, contextlib.redirect_stdout(log):
        return build(["fit", *words, *QUIET, "--trainer.default_root_dir", str(folder)], run=True)


def original(number: int) -> Path:
    """The classifier that a round begins with."""
    job = Job(ROOT / f"round-{number}" / "original", CLASSES, number, QUIET[2:], [])
    if not job.usable():
        job.folder.mkdir(parents=True, exist_ok=True)
        with (job.folder / "job.log").open("w") as log, contextlib.redirect_stdout(log):
            job.run(*QUIET[:2])
    return job.folder / "model.safetensors"


def class_request(number: int, position: int) -> dict[str, Any]:
    """Forget one more class; what the model now makes of it, of those forgotten before, and of all others."""
    first = original(number)
    names = build(["--config", str(CLASSES), *QUIET, "--trainer.logger", "false"]).datamodule.class_names
    order = random.Random(number).sample(names, REQUESTS)
    folders = [ROOT / f"round-{number}" / f"class-{step}" for step in range(REQUESTS)]
    before = folders[position - 1] / "model.safetensors" if position else first
    words = ["--config", str(CLASSES), "--config", str(METHOD), "--seed_everything", str(1000 + number), *RATE]
    words += ["--model.original", str(before), "--data.forget", json.dumps([order[position]])]
    cli = fit([*words, "--data.forgotten", json.dumps(order[:position])], folders[position])
    confusion = torch.tensor(cli.model.measurements["confusion"]["unlearned"]).double()  # (K, K)
    recall = confusion.diag() / confusion.sum(1)
    now, earlier = names.index(order[position]), [names.index(name) for name in order[:position]]
    kept = [label for label in range(len(names)) if label not in (now, *earlier)]
    found = {
        "forgotten now": float(recall[now]),
        "worst forgotten earlier": max((float(recall[label]) for label in earlier), default=None),
        "kept": float(recall[kept].mean()),
        **drift(cli, first),
    }
    return {"chain": "classes", "request": order[position], **found}


@torch.no_grad()
def drift(cli: Any, first: Path) -> dict[str, float]:
    """Accuracy of the round's first model on the classes kept so far, and how far the edited one is from it."""
    model, data = cli.model, cli.datamodule
    begun: nn.Module = build(["--config", str(CLASSES), *QUIET, "--trainer.logger", "false"]).model.network
    load_weights(begun, first)
    begun.eval(), model.network.eval()
    differences, right = [], []
    for pixels, labels, _ in data.loader(data.split("test_retain")):
        images = data.normalise(pixels.float() / 255)
        outputs = begun(images)
        differences.append(total_variation(outputs, model.network(images)))
        right.append(outputs.argmax(1) == labels)
    return {"kept, first model": float(torch.cat(right).float().mean()), "drift": float(torch.cat(differences).mean())}


def tuple_request(number: int, position: int) -> dict[str, Any]:
    """Forget one more tuple by an adapter on the model that the earlier ones have left, and measure all of it."""
    order = random.Random(number).sample(TUPLES, REQUESTS)
    folders = [ROOT / f"round-{number}" / f"tuple-{step}" for step in range(REQUESTS)]
    words = ["--config", str(CONFIGS / "scenes" / "shield.yaml"), "--seed_everything", str(number)]
    words += ["--data.forget", order[position], "--data.forgotten", json.dumps(order[:position]), "--data.seed", str(number)]
    words += ["--audit.attacks", "none"]
    if position:
        words += ["--model.network.init_args.pretrained", str(folders[position - 1] / "model.safetensors")]
    cli = fit(words, folders[position])
    figures = cli.model.measurements["metrics"]["unlearned"]
    first = against_first(cli)
    earlier = figures.get("forgotten_earlier/worst_r5")
    found = {
        "forgotten now": figures["unsafe/worst_r5"],
        "worst forgotten earlier": earlier,
        "kept": figures["everything_else/r1"],
        "kept, first model": first["r1"],
        "drift": first["drift"],
        "worst drift": first["worst_drift"],
    }
    return {"chain": "tuples", "request": order[position], **found}


@torch.no_grad()
def against_first(cli: Any) -> dict[str, float]:
    """R@1 of the shipped model on what is kept now, and how far cosines have moved from its own."""
    probes, model = cli.datamodule.measured, cli.model
    shipped = OpenCLIP("scenes", "shipped").eval()
    model.network.eval()
    rows = range(len(probes.pictures))
    images = [probes.images.__getitems__(list(rows[start : start + 256]))[0] for start in rows[::256]]
    texts = [probes.texts[start : start + 256] for start in range(0, len(probes.texts), 256)]
    features = [
        Features(
            torch.cat([network.encode_image(part) for part in images]),
            torch.cat([network.encode_text(network.tokenize(part)) for part in texts]),
        )
        for network in (shipped, model.network)
    ]
    first, _ = measure(probes, features[0], features[0])
    now, _ = measure(probes, features[1], features[0])
    group = "everything_else"
    return {"r1": first[f"{group}/r1"], "drift": now[f"{group}/absolute_drift"], "worst_drift": now[f"{group}/worst_drift"]}


def load_rows() -> list[dict[str, Any]]:
    """What was done before, by the same code."""
    path = ROOT / "rows.json"
    found = json.loads(path.read_text()) if path.is_file() else {}
    return found["rows"] if found.get("sources") == record(__file__)["sources"] else []


def main(args: Sequence[str] | None = None) -> None:
    """Forget until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    options = parser.parse_args(args)
    settle()
    rows = load_rows()
    process = 1 + max((row["process"] for row in rows), default=0)
    kinds = {"classes": class_request, "tuples": tuple_request}
    with Progress() as progress:
        task = progress.add_task("forgetting", total=options.minutes)
        while (spent := sum(row["seconds"] for row in rows) / 60) < options.minutes:
            progress.update(task, completed=spent)
            number, step = divmod(len(rows), 2 * REQUESTS)
            chain, position = ("classes", "tuples")[step // REQUESTS], step % REQUESTS
            started = time.perf_counter()
            row = kinds[chain](number, position)
            seconds = time.perf_counter() - started
            memory = {"seconds": round(seconds, 1), "resident_mb": round(resident(), 1), "process": process}
            rows.append({"round": number, "position": position + 1, **row, **memory})
            write_json({"rows": rows, **record(__file__)}, ROOT / "rows.json")
            write("soak", f"--minutes {options.minutes:g}", {"rows": rows})


if __name__ == "__main__":
    main()
