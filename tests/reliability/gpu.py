"""Checks that need a GPU: precisions, bit-identical repeats and resumes, nccl, and sharded weights of a large CLIP model.

    python -m tests.reliability.gpu                                        (or some parts: --parts nccl large)

The checks use one GPU. So nccl has one process: DDP and FSDP run, but divide nothing between processes. Writes
benchmarks/results/reliability_gpu.json.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import RESULTS
from oro_unlearn.cli import main as command_line
from oro_unlearn.compare.sources import NOT_RECORDED
from oro_unlearn.networks import OpenCLIP, save_weights
from tests.reliability.processes import compare, run_all
from tests.reliability.records import write
from tests.reliability.small_runs import CONFIGS, Case, cases, killed_in_second_epoch, prepare

ROOT = Path("runs/reliability/gpu")
GPU = ["--trainer.accelerator", "gpu", "--trainer.devices", "1", "--trainer.enable_progress_bar", "false"]
BY_NCCL = ("original", "rwft_o", "rw_a-cached", "logit_mask", "relations-both", "relations-sharded")
SCENES = ["--config", str(CONFIGS / "scenes/shield.yaml")]
LARGE = ["--data", "benchmarks.speed.relational.LargeScenes", "--data.batch_size", "16", "--data.pairs", "32"]
LARGE += ["--data.gallery", "1", "--data.probe_pictures", "8", "--data.neighbour_pictures", "1", "--model.vocab_captions", "64"]


def quietly(words: Sequence[str]) -> str:
    """Run a command; the line it ends with, if it is an error, else nothing."""
    said = io.StringIO()
    sys.argv = sys.argv[:1]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            command_line(list(words))
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    except Exception as error:  # a fault of ours is a result here
        return f"{type(error).__name__}: {str(error)[:300]}"
    return ""


def metrics(folder: Path, role: str) -> dict[str, Any]:
    """Figures of one model of a finished run."""
    return json.loads((folder / "report.json").read_text())["metrics"].get(role, {})


def precisions(root: Path) -> list[dict[str, Any]]:
    """An original, an edit of classes and an edit of a relation in every precision that is not refused."""
    rows = []
    for precision in ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true", "16-true"):
        folder, given = root / precision, ["--trainer.precision", precision]
        into = {
            name: [*given, *GPU, "--trainer.default_root_dir", str(folder / name)] for name in ("original", "rwft_o", "scenes")
        }
        first = root / "32-true" / "original" / "model.safetensors"
        said = {
            "original": quietly(["fit", "--config", str(CONFIGS / "digits/original.yaml"), *into["original"]]),
            "rwft_o": quietly(["fit", "--config", str(CONFIGS / "digits/rwft_o.yaml"), "--model.original", str(first),
                               "--data.forget", "[8]", *into["rwft_o"]]),
            "scenes": quietly(["fit", *SCENES, "--model.towers", "both", *into["scenes"]]),
        }  # fmt: skip
        row: dict[str, Any] = {"precision": precision, "said": said}
        for name, role, keys in (
            ("original", "original", ("test/acc_r",)),
            ("rwft_o", "unlearned", ("test/acc_f", "test/acc_r")),
            ("scenes", "unlearned", ("unsafe/worst_r5", "everything_else/absolute_drift", "everything_else/r1")),
        ):
            row |= {f"{name} {key}": metrics(folder / name, role).get(key) for key in keys if not said[name]}
        rows.append(row)
    return rows


def on_gpu(case: Case, folder: Path, *more: str) -> list[str]:
    """A case's words for one GPU."""
    return [*case.words, *GPU, *more, "--trainer.default_root_dir", str(folder)]


def again_and_after_a_kill(case: Case, root: Path) -> dict[str, Any]:
    """Whether a run gives the same weights as one that was stopped in its second epoch and went on."""
    words = [on_gpu(case, root / kind / case.name, "--trainer.deterministic", "true") for kind in ("whole", "killed")]
    said = quietly(words[0])
    with killed_in_second_epoch():
        quietly(words[1])
    said = said or quietly(words[1])
    if said:
        return {"case": case.name, "said": said}
    files = [(root / kind / case.name / "model.safetensors").read_bytes() for kind in ("whole", "killed")]
    return {"case": case.name, "identical": files[0] == files[1], "said": ""}


def by_nccl(chosen: Sequence[Case], root: Path) -> dict[str, Any]:
    """Differences between a plain run and one by torchrun, DDP and nccl."""
    words = [on_gpu(case, root / "nccl" / case.name, "--trainer.strategy", "ddp") for case in chosen]
    said = [quietly(on_gpu(case, root / "plain" / case.name)) for case in chosen]
    try:
        run_all(words, 1, root, launch_one=True)
    except RuntimeError as error:
        return {"said": str(error).splitlines()[-1]}
    found = {case.name: compare(root / "plain" / case.name, root / "nccl" / case.name) for case in chosen}
    return {"said": [line for line in said if line], "largest": {name: max(values.values()) for name, values in found.items()}}


def large(name: str, root: Path) -> dict[str, Any]:
    """A ViT with random weights, its frozen blocks sharded, its adapter trained for some steps by torchrun."""
    root.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_weights(OpenCLIP(name, "").merged_state(), root / "base.safetensors")
    network = ["--model.network.init_args.name", name, "--model.network.init_args.pretrained", str(root / "base.safetensors")]
    words = ["fit", *SCENES, *LARGE, *network, *GPU, "--model.towers", "both", "--model.shard", "true", "--model.tau", "0"]
    words += ["--trainer.strategy", "ddp", "--trainer.precision", "bf16-mixed", "--trainer.max_epochs", "2"]
    words += ["--trainer.default_root_dir", str(root / "out")]
    started = time.perf_counter()
    try:
        run_all([words], 1, root, launch_one=True)
    except RuntimeError as error:
        return {"network": name, "said": str(error).splitlines()[-1]}
    report = json.loads((root / "out/report.json").read_text())
    return {
        "network": name,
        "said": "",
        "seconds": round(time.perf_counter() - started, 1),
        "training_seconds": report["seconds"],
        "adapter_parameters": report["adapter_parameters"],
    }


PARTS: dict[str, Callable[[list[Case]], Any]] = {
    "precisions": lambda _: precisions(ROOT / "precisions"),
    "nccl": lambda chosen: by_nccl([case for case in chosen if case.name in BY_NCCL], ROOT / "nccl"),
    "exact-classes": lambda chosen: [again_and_after_a_kill(case, ROOT) for case in chosen if "relations" not in case.name],
    "exact-relations": lambda chosen: [again_and_after_a_kill(case, ROOT) for case in chosen if "relations" in case.name],
    "large": lambda _: large("ViT-H-14", ROOT / "large"),
}


def main(args: Sequence[str] | None = None) -> None:
    """Some or all parts, written after each; the others stay as they were found before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="*", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args(args)
    if not torch.cuda.is_available():
        sys.exit("tests.reliability.gpu: no CUDA device is here")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # what PyTorch asks for where bits must be the same
    chosen, path = cases(prepare(ROOT), epochs=3), RESULTS / "reliability_gpu.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    kept = [name for name in PARTS if name in found and name not in options.parts]
    before = {"reused": {found.get("sources", NOT_RECORDED): kept}} if kept else {}
    for name in options.parts:
        started = time.perf_counter()
        found[name] = PARTS[name](chosen)
        print(name, f"{time.perf_counter() - started:.0f} s", flush=True)
        write("gpu", "", {**found, **before, "nccl_version": list(torch.cuda.nccl.version())}, "cuda")


if __name__ == "__main__":
    main()
