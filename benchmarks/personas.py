"""MIP-Editor, its ablations and all baselines on the embedded world of people.

    python -m benchmarks.personas

Trains originals, and models that never learned the people to forget, from the shipped base model. Tunes every method on other
people than those that are measured: each gets the same number of configurations, and the one closest to a retrained model is
taken. Then every method forgets 5 and 10 % of the people from every original; ablations of MIP-Editor forget 5 %. Finished runs
are reused. Writes benchmarks/results/personas.json.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from benchmarks import RESULTS
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record
from oro_unlearn.data import Personas
from oro_unlearn.files import write_json
from oro_unlearn.networks.vision_language.loading import PERSONAS as FOLDER

RESULT, ROOT, CONFIGS = RESULTS / "personas.json", Path("runs/benchmarks/personas"), Path("lightning_configs/personas")
GROUPS = ("forget", "retain", "holdout", "general")
MODALITIES = ("multimodal", "text")
JUDGED = ("cloze_accuracy", "rougeL")  # figures by which configurations are compared
RETRAINED = 3  # for each request; one for tuning
FEW = ["--data.eval_questions", "60", "--trainer.enable_progress_bar", "false"]
Options = tuple[str, ...]


class Method(NamedTuple):
    """A row of the table.

    Attributes:
        label: Name in the table.
        preset: Name of the YAML.
        grid: Values by option; their product is tried.
        fixed: Further options.
        like: Name of the method whose choice is taken, for an ablation.
    """

    label: str
    preset: str
    grid: Mapping[str, Sequence[Any]] = {}
    fixed: Options = ()
    like: str = ""

    @property
    def candidates(self) -> list[Options]:
        """Options of each configuration."""
        values = product(*self.grid.values())
        return [
            tuple(word for name, value in zip(self.grid, row, strict=True) for word in (name, str(value))) for row in values
        ]


RATE, EPOCHS = "--model.optimizer.lr", "--trainer.max_epochs"
STEPS = {RATE: (1e-4, 3e-4), EPOCHS: (4, 10)}
METHODS = {
    "mip_editor": Method("MIP-Editor", "mip_editor", {"--model.top_k": (5, 20), RATE: (5e-4, 3e-3)}),
    "text_only": Method("text path only", "mip_editor", fixed=("--model.towers", "text"), like="mip_editor"),
    "vision_only": Method("vision path only", "mip_editor", fixed=("--model.towers", "vision"), like="mip_editor"),
    "no_contrast": Method("no contrast", "mip_editor", fixed=("--model.contrast", "none"), like="mip_editor"),
    "points": Method("points, not paths", "mip_editor", fixed=("--model.selection", "points"), like="mip_editor"),
    "random": Method("random neurons", "mip_editor", fixed=("--model.selection", "random"), like="mip_editor"),
    "prune_only": Method("pruning alone", "mip_editor", fixed=("--model.misdirect", "false", EPOCHS, "0"), like="mip_editor"),
    "misdirect_only": Method("RMisU alone", "mip_editor", fixed=("--model.prune", "false"), like="mip_editor"),
    "grad_diff": Method("GA-Diff", "grad_diff", STEPS),
    "kl_min": Method("KL-Min", "kl_min", STEPS),
    "npo": Method("NPO", "npo", STEPS),
    "refusal_tuning": Method("refusal tuning (IDK)", "refusal_tuning", STEPS),
    "lora_fine_tuning": Method("LoRA fine-tuning", "lora_fine_tuning", {RATE: (1e-3, 3e-3), EPOCHS: (1, 3)}),
    "manu": Method("MANU", "manu", {"--model.share": (0.01, 0.02, 0.05, 0.1)}),
}


def requests() -> dict[str, list[str]]:
    """People to forget: 5 and 10 % of all, and others on whom the methods are tuned."""
    names = Personas().persons
    share = len(names) // 10
    return {"10": names[:share], "5": names[: share // 2], "tuning": names[share : 2 * share]}


def forgetting(names: Iterable[str]) -> list[str]:
    """The option that names people to forget."""
    return ["--data.forget", "[" + ", ".join(names) + "]"]


def weights(job: Job) -> Path:
    """The weights that a training writes."""
    return job.folder / "model.safetensors"


def trainings(seeds: int) -> tuple[list[Job], dict[str, list[Job]]]:
    """Originals of the seeds from 1, and retrained models by request. The original of seed 0 is the shipped one."""
    base = [FOLDER / "base" / "model.safetensors"]
    quiet = [*FEW, "--audit.attacks", "none"]
    originals = [Job(ROOT / f"original-s{seed}", CONFIGS / "original.yaml", seed, quiet, base) for seed in range(1, seeds)]
    retrained = {
        name: [
            Job(ROOT / f"retrained-{name}-s{seed}", CONFIGS / "retrained.yaml", 100 + seed, [*quiet, *without(people)], base)
            for seed in range(1 if name == "tuning" else RETRAINED)
        ]
        for name, people in requests().items()
    }
    return originals, retrained


def without(people: Iterable[str]) -> list[str]:
    """Options that replace a preset's percentage by names."""
    return ["--data.forget_percent", "0", *forgetting(people)]


def edit(name: str, options: Options, request: str, seed: int, original: Path, retrained: Sequence[Job], attacks: str) -> Job:
    """One edit of an original; ``retrained`` models are measured and attacked beside it."""
    method = METHODS[name]
    words = [*FEW, "--audit.attacks", attacks, *without(requests()[request]), *method.fixed]
    words += _without_option(options, method.fixed)
    words += ["--model.network.init_args.weights", str(original)]
    words += ["--model.retrained", "[" + ", ".join(str(weights(job)) for job in retrained) + "]"]
    folder = "-".join([name, request, *(option.rpartition(".")[2] for option in options), f"s{seed}"])
    return Job(ROOT / folder, CONFIGS / f"{method.preset}.yaml", seed, words, [original, *map(weights, retrained)])


def _without_option(options: Options, fixed: Options) -> list[str]:
    """Chosen options without those that an ablation fixes."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return [word for option, value in pairs if option not in fixed for word in (option, value)]


def distance(metrics: Mapping[str, Mapping[str, float | None]]) -> float:
    """How far an edit is from the retrained models on what is forgotten, and below the original on the rest.

    Args:
        metrics: ``metrics`` of a report.
    """
    edited, original = metrics["unlearned"], metrics["original"]
    reference: Any = metrics["retrained"]["mean"]
    far, lost = [], []
    for group, modality, figure in product(GROUPS, MODALITIES, JUDGED):
        key = f"{group}/{modality}/{figure}"
        now, before, ideal = edited.get(key), original.get(key), reference.get(key)
        if now is None or before is None:
            continue
        if group == "forget" and ideal is not None:
            far.append(abs(now - ideal))
        elif group != "forget":
            lost.append(max(0.0, before - now))
    return mean(far) + mean(lost)


def row_of(name: str, request: str, job: Job) -> dict[str, Any]:
    """The entry of one run in the results."""
    report = job.report()
    kept = ("seed", "seconds", "search_seconds", "edited_parameters", "metrics", "peak_memory")
    return {"method": name, "request": request, **{key: report[key] for key in kept if key in report}}


def main(args: Sequence[str] | None = None) -> None:
    """Train, tune, edit, and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS), help="methods, with commas")
    parser.add_argument("--attacks", choices=("none", "quick", "full"), default="quick")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args(words)
    names = options.methods.split(",")
    trained, retrained = trainings(options.seeds)
    run_stages([[*trained, *(job for jobs in retrained.values() for job in jobs)]], options.processes)
    originals = [FOLDER / "original" / "model.safetensors", *map(weights, trained)]
    tried = {
        name: {c: edit(name, c, "tuning", 0, originals[0], retrained["tuning"], "none") for c in METHODS[name].candidates}
        for name in names
        if METHODS[name].grid
    }
    run_stages([[job for jobs in tried.values() for job in jobs.values()]], options.processes)
    scores = {
        name: {" ".join(c): distance(job.report()["metrics"]) for c, job in jobs.items() if job.finished()}
        for name, jobs in tried.items()
    }
    best = {name: tuple(min(found, key=lambda c: found[c]).split()) for name, found in scores.items()}
    plan = {
        (name, request, seed): edit(
            name,
            best.get(METHODS[name].like or name, ()),
            request,
            seed,
            originals[seed],
            retrained[request] if name == names[-1] else (),  # once, since they are the same for all
            options.attacks,
        )
        for name in names
        for request in (("5",) if METHODS[name].like else ("5", "10"))
        for seed in range(options.seeds)
    }
    run_stages([list(plan.values())], options.processes)
    done = {place: job for place, job in plan.items() if job.finished()}
    last: Mapping[str, Any] = next(iter(done.values())).report() if done else {}
    result = {
        "command": " ".join(["python -m benchmarks.personas", *words]),
        **record(__file__, [*trained, *plan.values()]),
        "configs": {path.stem: path.read_text() for path in sorted(CONFIGS.glob("*.yaml"))},
        "requests": requests(),
        "tuning": scores,
        "chosen": {name: " ".join(choice) for name, choice in best.items()},
        **{name: last[name] for name in ("versions", "hardware") if name in last},
        "failed": [job.folder.name for place, job in plan.items() if place not in done],
        "runs": [row_of(name, request, job) for (name, request, _), job in done.items()],
    }
    write_json(result, options.output)


if __name__ == "__main__":
    main()
