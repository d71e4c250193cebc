"""The jobs of a comparison: originals, retrained models, scores, trials and edits."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import yaml

from oro_unlearn.compare.budgets import Load, length
from oro_unlearn.compare.jobs import Job
from oro_unlearn.compare.options import TUNING_RETRAINED, Request, Sizes, tag
from oro_unlearn.compare.searches import EVERY, Setting

RETRAINED_SEED = 100  # first seed of retrained models, so that none has the seed of an original
EDIT_SEED = 1000  # first seed of edits, for the same reason
TUNING = ["--data.holdout", "0.2"]


class Comparison:
    """The jobs of one comparison.

    Args:
        options: Options of the command line.
        sizes: Sizes of the data.
    """

    def __init__(self, options: argparse.Namespace, sizes: Sizes) -> None:
        self.options, self.sizes = options, sizes
        self.chosen: dict[str, Setting] = {}  # the setting of each method, filled in after tuning
        self.root: Path = options.output

    def original(self, seed: int, tuning: bool = False) -> Job:
        """The job that trains an original."""
        return self._job(Job, f"original-s{seed}", self.options.config, seed, tuning=tuning)

    def retrained(self, request: Request, tuning: bool = False) -> list[Job]:
        """The jobs that train models without the classes of a request."""
        seeds = range(RETRAINED_SEED, RETRAINED_SEED + (TUNING_RETRAINED if tuning else self.options.retrained))
        recipe, words = self.options.config.with_name("retrained.yaml"), forget(request)
        return [self._job(Job, f"retrained-{tag(request)}-s{seed}", recipe, seed, words, tuning=tuning) for seed in seeds]

    def scorings(self, request: Request, tuning: bool = False) -> list[Job]:
        """The jobs that score the originals and retrained models under a request."""
        from oro_unlearn.compare.edits import Scoring, TrialScoring

        kind: type[Job] = TrialScoring if tuning else Scoring
        models = [self.original(seed, tuning) for seed in ([0] if tuning else range(self.options.seeds))]
        models += self.retrained(request, tuning)
        config, words, start = self.options.config, forget(request), f"scores-{tag(request)}"
        return [self._job(kind, f"{start}-{job.folder.name}", config, 0, words, [weights(job)], tuning) for job in models]

    def edits(self, name: str, request: Request, setting: Setting = (), tuning: bool = False, part: float = 1.0) -> list[Job]:
        """Runs of a method, one for each original, with a part of the budget. A method and its teacher have half of it each."""
        from oro_unlearn.compare.edits import Edit, Trial

        kind: type[Job] = Trial if tuning else Edit
        entry, preset = EVERY[name], preset_of(name)
        part = 0.5 if entry.teacher else part
        given = [*entry.words, *length(entry, self._load(request, tuning, part)), *(word for pair in setting for word in pair)]
        jobs = []
        for seed in [0] if tuning else range(self.options.seeds):
            original = weights(self.original(seed, tuning))
            words = ["--config", str(preset), "--model.original", str(original), *forget(request), *self.options.extra]
            words += ["--data.batch_size", str(self.sizes.batch_size), *given]
            inputs = [original]
            if entry.teacher:
                teacher = self.teachers(name, request)[seed]
                words, inputs = [*words, "--model.teacher", str(weights(teacher))], [*inputs, weights(teacher)]
            number = f"{'half-' if part < 1 and not entry.teacher else ''}s{seed}"
            last = "_".join(value for _, value in setting) if tuning else number
            folder = f"{name}-{tag(request)}-{last}"
            jobs.append(self._job(kind, folder, self.options.config, EDIT_SEED + seed, words, inputs, tuning))
        return jobs

    def _load(self, request: Request, tuning: bool, part: float) -> Load:
        """Budget and data sizes of a run on the request."""
        forgotten, kept = (round(count * (0.8 if tuning else 1)) for count in self.sizes.of(request))
        classes = len(self.sizes.labels(request))
        images = part * self.options.budget * kept * self.sizes.epochs
        others = len(self.sizes.class_names) - classes
        return Load(images, forgotten, kept, classes, others, self.sizes.batch_size, self.sizes.augmented)

    def runs(self, name: str, request: Request) -> list[Job]:
        """Runs of a method with its chosen setting."""
        return self.edits(name, request, self.chosen[EVERY[name].tuned_as or name])

    def teachers(self, name: str, request: Request) -> list[Job]:
        """The teachers of a method's runs, trained with half of the budget. Their cost is added to the method's cost."""
        teacher = EVERY[name].teacher
        return self.edits(teacher, request, self.chosen[EVERY[teacher].tuned_as or teacher], part=0.5) if teacher else []

    def retraining_images(self, request: Request) -> int:
        """Number of images that retraining reads."""
        return self.sizes.of(request)[1] * self.sizes.epochs

    def pool_seconds(self, requests: Sequence[Request]) -> dict[str, float]:
        """Mean seconds of training an original and a retrained model."""
        groups = {"original": [self.original(seed) for seed in range(self.options.seeds)]}
        groups["retrained"] = [job for request in requests for job in self.retrained(request)]
        done = {name: [job.report()["seconds"] for job in jobs if job.finished()] for name, jobs in groups.items()}
        return {name: round(mean(values), 2) for name, values in done.items() if values}

    def _job(
        self,
        kind: type[Job],
        name: str,
        config: Path,
        seed: int,
        words: Sequence[str] = (),
        inputs: Sequence[Path] = (),
        tuning: bool = False,
    ) -> Job:
        from oro_unlearn.compare.edits import Edit

        folder = self.root / "tune" / name if tuning else self.root / name
        extra = [] if issubclass(kind, Edit) else self.options.extra  # edits() has put them before budget and setting
        options = [*words, *extra, *(TUNING if tuning else [])]
        return kind(folder, config, seed, options, list(inputs))


def preset_of(name: str) -> Path:
    """Preset of a method in the table of searches."""
    return Path("methods") / f"{EVERY[name].preset}.yaml"


def forget(request: Request) -> list[str]:
    """Options that name the classes of a request. A name that YAML would not read as text is quoted."""
    names = [name if str(yaml.safe_load(f"[{name}]")[0]) == name else json.dumps(name) for name in request]
    return ["--data.forget", f"[{', '.join(names)}]"]


def weights(job: Job) -> Path:
    """The file that a job writes its model to."""
    return job.folder / "model.safetensors"
