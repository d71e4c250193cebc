"""Speed targets on one GPU: train an original of CIFAR-10 in a minute, forget a class in three seconds, a fast CLIP adapter.

    python -m benchmarks.speed.gpu                     (with CIFAR-10 in $ORO_DATA, as torchvision reads it)
    python -m benchmarks.speed.gpu --folder cifar10    (as a folder of images, one folder per class)

Writes benchmarks/results/speed_gpu.json.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.relational import VIT, Side
from benchmarks.speed.timing import in_turn, ratio, rounded, write
from oro_unlearn.cli import settle
from oro_unlearn.compare.jobs import Job

RUNS, CONFIGS = Path("runs/benchmarks/speed_gpu"), Path("lightning_configs/cifar10")
FORGETTING = [
    "--data.forget",
    "[automobile]",
    "--data.crop_padding",
    "0",
    "--data.flip",
    "false",
    "--model.loader_mode",
    "min_size",
]  # so that layers are kept
LARGE = ["--data.batch_size", "64", "--data.pairs", "256", "--model.vocab_captions", "188"]


def trained(words: list[str]) -> tuple[Job, list[dict[str, Any]]]:
    """The original by the fast recipe: seconds, and test accuracy."""
    job = Job(RUNS / "original", CONFIGS / "original_fast.yaml", 0, words, [])
    job.folder.mkdir(parents=True, exist_ok=True)
    job.run("--trainer.enable_progress_bar", "false")
    report = job.report()
    accuracy = report["metrics"]["original"]["test/acc_r"]
    return job, [
        {"what": "original of CIFAR-10, fast recipe: seconds", "ratio": report["seconds"], "target": "< 60"},
        {"what": "original of CIFAR-10, fast recipe: test accuracy", "ratio": accuracy, "target": ">= 0.94"},
    ]


def forgotten(original: Job, words: list[str]) -> dict[str, Any]:
    """RWFT-2-O with the layers before its stage kept: seconds."""
    weights = original.folder / "model.safetensors"
    options = ["--model.original", str(weights), *FORGETTING, *words]
    job = Job(RUNS / "rwft_2_o", CONFIGS / "rwft_2_o.yaml", 0, options, [weights])
    job.folder.mkdir(parents=True, exist_ok=True)
    job.run("--trainer.enable_progress_bar", "false")
    return {"what": "RWFT-2-O, 10 epochs: seconds", "ratio": job.report()["seconds"], "target": "< 3"}


def adapted(words: list[str], runs: int = 11) -> dict[str, Any]:
    """A step of an adapter in both towers, against encoding its pictures and captions forward and backward, both in bf16."""
    side = Side("auto", [*words, "--model.towers", "both"], "auto")
    method, device = side.method, side.method.device
    groups = {name: method.batch_type(*parts) for name, parts in next(iter(side.data.train_dataloader()))[0].items()}
    pictures = torch.cat([pairs.images for pairs in groups.values()]).to(device)
    captions = [text for pairs in groups.values() for text in (*pairs.captions, *pairs.attacks)]
    tokens = method.network.tokenize(list(dict.fromkeys([*captions, *method.draw_vocabulary()])))

    def bare() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            images, texts = method.network.encode_image(pictures), method.network.encode_text(tokens)
        (images.float().sum() + texts.float().sum()).backward()

    def ours() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            side.step()

    seconds = in_turn({"bare": bare, "ours": ours}, runs)
    return {
        "what": "ViT-B-32 adapter: rate of our step over that of a bare forward and backward pass",
        "ratio": ratio(seconds, "bare", "ours"),
        "target": ">= 0.6",
        "seconds": rounded(seconds),
    }


def of_folder(root: str) -> list[str]:
    """Words that read CIFAR-10 from image files."""
    values = {"mean": "[0.4914, 0.4822, 0.4465]", "std": "[0.2470, 0.2435, 0.2616]", "image_size": "32", "root": root}
    return ["--data", "ImageFolder", *(word for name, value in values.items() for word in (f"--data.{name}", value))]


def main(args: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="", help="CIFAR-10 as a folder of images")
    folder = parser.parse_args(args).folder
    settle()
    if not torch.cuda.is_available():
        sys.exit("benchmarks.speed.gpu: no CUDA device is here")
    words = of_folder(folder) if folder else []
    original, rows = trained(words)
    write("gpu", [*rows, forgotten(original, words), adapted([*VIT, *LARGE])])


if __name__ == "__main__":
    main()
