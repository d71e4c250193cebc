"""Every class-unlearning method under one data path, one tuning budget and one audit.

    python -m benchmarks.compare --data digits --network small_cnn --methods all --forget all --seeds 3

1. Trains what is missing of the pool: originals, and for each request models retrained without it. The pool serves as
   reference, as noise floor and as shadow models of U-LIRA and RMIA.
2. Tunes every method over five settings on a held-out fifth of the training split (with originals and retrained models of
   its own); the test split is never read. Where the best setting is at an edge of the grid, the grid moves on, by one rule
   for all. No run may show more images to any network, teachers included, than ``--budget`` of those that retraining reads;
   a row that does all the same says so.
3. Runs every method on every original and request, and audits all models from their saved scores.

Writes benchmarks/results/compare_NAME.json, and tables.md, tables.tex and models.csv in runs/compare/NAME. What is finished is
not run again while its code is the same, or with ``--reuse``; a failed run is named and the rest goes on. Words after ``--``
are added to every command: ``-- --data.root photos``.
Options can stand in a YAML: ``--config my.yaml``, one ``option: value`` a line.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from benchmarks.budgets import Load, length
from benchmarks.compare_options import CONFIGS, NETWORKS, TUNING_RETRAINED, Sizes, measure, read_options
from benchmarks.jobs import Job, run_stages
from benchmarks.moving_grid import ROUNDS, Search
from benchmarks.searches import EVERY, GROUPS, Setting
from benchmarks.sources import record

RETRAINED_SEED = 100  # retrained models never share a seed with an original,
EDIT_SEED = 1000  # nor does an edit
TUNING = ["--data.holdout", "0.2"]


class Comparison:
    """The jobs of one comparison.

    Args:
        options: Of the command line.
        sizes: Of the data.
    """

    def __init__(self, options: argparse.Namespace, sizes: Sizes) -> None:
        self.options, self.sizes = options, sizes
        self.chosen: dict[str, Setting] = {}  # by tuning
        self.root, self.configs = Path("runs/compare") / options.name, CONFIGS / options.data
        self.words = [
            *(["--model.network", NETWORKS.get(options.network, options.network)] if options.network else []),
            *options.extra,
        ]

    def original(self, seed: int, tuning: bool = False) -> Job:
        """Trains an original."""
        return self._job(Job, f"original-s{seed}", "original", seed, tuning=tuning)

    def retrained(self, request: str, tuning: bool = False) -> list[Job]:
        """Train the models that never saw the request."""
        seeds = range(RETRAINED_SEED, RETRAINED_SEED + (TUNING_RETRAINED if tuning else self.options.retrained))
        return [
            self._job(Job, f"retrained-{request}-s{seed}", "retrained", seed, forget(request), tuning=tuning) for seed in seeds
        ]

    def scorings(self, request: str, tuning: bool = False) -> list[Job]:
        """Score the originals and retrained models under a request."""
        from benchmarks.edits import Scoring, TrialScoring

        kind: type[Job] = TrialScoring if tuning else Scoring
        models = [self.original(seed, tuning) for seed in ([0] if tuning else range(self.options.seeds))]
        models += self.retrained(request, tuning)
        return [
            self._job(
                kind, f"scores-{request}-{job.folder.name}", "original", 0, forget(request), [weights(job)], tuning=tuning
            )
            for job in models
        ]

    def edits(self, name: str, request: str, setting: Setting = (), tuning: bool = False, part: float = 1.0) -> list[Job]:
        """Runs of a method, one for each original, with a part of the budget; a teacher and its pupil have half of it each."""
        from benchmarks.edits import Edit, Trial

        kind: type[Job] = Trial if tuning else Edit
        entry, preset = EVERY[name], preset_of(name)
        part = 0.5 if entry.teacher else part
        given = [*entry.words, *length(entry, self._load(request, tuning, part)), *(word for pair in setting for word in pair)]
        jobs = []
        for seed in [0] if tuning else range(self.options.seeds):
            original = weights(self.original(seed, tuning))
            words = ["--config", str(preset), "--model.original", str(original), *forget(request), *self.words]
            words += ["--data.batch_size", str(self.sizes.batch_size), *given]
            inputs = [original, preset]
            if entry.teacher:
                teacher = self.teachers(name, request)[seed]
                words, inputs = [*words, "--model.teacher", str(weights(teacher))], [*inputs, weights(teacher)]
            tag = (
                "_".join(value for _, value in setting)
                if tuning
                else f"{'half-' if part < 1 and not entry.teacher else ''}s{seed}"
            )
            jobs.append(self._job(kind, f"{name}-{request}-{tag}", "original", EDIT_SEED + seed, words, inputs, tuning=tuning))
        return jobs

    def _load(self, request: str, tuning: bool, part: float) -> Load:
        """What a run on the request may read."""
        shares = [round(count * (0.8 if tuning else 1)) for count in self.sizes.of(request)]
        classes = len(self.sizes.labels(request))
        images = part * self.options.budget * shares[1] * self.sizes.epochs
        kept = len(self.sizes.class_names) - classes
        return Load(images, *shares, classes, kept, self.sizes.batch_size, self.sizes.augmented)

    def runs(self, name: str, request: str) -> list[Job]:
        """Runs of a method with the setting that was chosen for it."""
        return self.edits(name, request, self.chosen[EVERY[name].tuned_as or name])

    def teachers(self, name: str, request: str) -> list[Job]:
        """Runs that a method's runs have learned from, with half of the budget; they are part of its cost."""
        teacher = EVERY[name].teacher
        return self.edits(teacher, request, self.chosen[EVERY[teacher].tuned_as or teacher], part=0.5) if teacher else []

    def retraining_images(self, request: str) -> int:
        """Images that retraining reads."""
        return self.sizes.of(request)[1] * self.sizes.epochs

    def pool_seconds(self, requests: Sequence[str]) -> dict[str, float]:
        """Mean seconds of training an original and a retrained model."""
        groups = {"original": [self.original(seed) for seed in range(self.options.seeds)]}
        groups["retrained"] = [job for request in requests for job in self.retrained(request)]
        done = {name: [job.report()["seconds"] for job in jobs if job.finished()] for name, jobs in groups.items()}
        return {name: round(mean(values), 2) for name, values in done.items() if values}

    def _job(
        self,
        kind: type[Job],
        name: str,
        config: str,
        seed: int,
        words: Sequence[str] = (),
        inputs: Sequence[Path] = (),
        tuning: bool = False,
    ) -> Job:
        from benchmarks.edits import Edit

        folder = self.root / "tune" / name if tuning else self.root / name
        own = [] if issubclass(kind, Edit) else self.words  # an edit has put them before its budget and its setting
        options = [*words, *own, *(TUNING if tuning else [])]
        return kind(folder, self.configs / f"{config}.yaml", seed, options, list(inputs))


def preset_of(name: str) -> Path:
    """Preset of an entry."""
    return CONFIGS / "methods" / f"{EVERY[name].preset}.yaml"


def forget(request: str) -> list[str]:
    """Words that ask for one class, or for several joined by ``+``; what YAML would read as something else is quoted."""
    names = [name if str(yaml.safe_load(f"[{name}]")[0]) == name else json.dumps(name) for name in request.split("+")]
    return ["--data.forget", f"[{', '.join(names)}]"]


def weights(job: Job) -> Path:
    """Where a job writes its model."""
    return job.folder / "model.safetensors"


def tune(comparison: Comparison, methods: Sequence[str]) -> dict[str, Any]:
    """Choose every method's setting on held-out training images; a grid moves on until its best setting is inside.

    Args:
        comparison: Its jobs.
        methods: Names of entries.

    Returns:
        ``scores`` (method -> setting -> distance to the retrained models, lower is better), ``chosen``, ``edges`` (method ->
        options whose best value is at the end of the grid even after the last round), the names of what ``failed``, and all
        ``jobs``.
    """
    options = comparison.options
    wanted = {EVERY[name].tuned_as or name for name in methods} | {EVERY[name].teacher for name in methods} - {""}
    tuned = sorted(wanted, key=list(EVERY).index)
    searches = {name: Search(comparison, name) for name in tuned if len(EVERY[name].settings) > 1}
    scorings = {request: comparison.scorings(request, tuning=True) for request in options.tune_on}
    run_stages([[job for jobs in scorings.values() for job in jobs]], options.processes, options.backend, options.reuse)
    for _ in range(1 + ROUNDS):
        trials = [job for search in searches.values() for job in search.trials()]
        if not trials:
            break
        run_stages([trials], options.processes, options.backend, options.reuse)
        for search in searches.values():
            search.score(scorings)
    untuned = [name for name, search in searches.items() if not search.scores]
    if untuned:
        print(f"no setting of {', '.join(untuned)} could be scored: the first of each is taken, untuned", file=sys.stderr)
    jobs = [
        *(job for search in searches.values() for job in search.jobs),
        *(job for group in scorings.values() for job in group),
    ]
    first = {name: EVERY[name].settings[0] for name in tuned}
    ends = {name: search.at_an_edge() for name, search in searches.items() if search.scores}
    return {
        "scores": {name: search.readable() for name, search in searches.items() if search.scores},
        "chosen": {**first, **{name: search.best for name, search in searches.items() if search.scores}},
        "edges": {name: found for name, found in ends.items() if found},
        "failed": [f"tune/{job.folder.name}" for job in jobs if not job.finished()],
        "jobs": jobs,
    }


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing, audit, and write results and tables."""
    words = list(sys.argv[1:] if args is None else args)
    options = read_options(words, str(__doc__))
    sizes, requests = measure(options)
    comparison = Comparison(options, sizes)
    methods = list(dict.fromkeys(["logit_mask", *(name for word in options.methods for name in GROUPS.get(word, [word]))]))
    pool = [comparison.original(0, tuning=True), *(comparison.original(seed) for seed in range(options.seeds))]
    pool += [job for request in options.tune_on for job in comparison.retrained(request, tuning=True)]
    pool += [job for request in requests for job in comparison.retrained(request)]
    print_cost(comparison, methods, requests, pool)
    run_stages([pool], options.processes, options.backend, options.reuse)
    tuning = tune(comparison, methods)
    comparison.chosen = tuning["chosen"]
    scorings = {request: comparison.scorings(request) for request in requests}
    edits = {(name, request): comparison.runs(name, request) for request in requests for name in methods}
    first = [job for group in scorings.values() for job in group]
    teaching = {str(job.folder): job for name in methods for request in requests for job in comparison.teachers(name, request)}
    first += teaching.values()
    first += [job for (name, _), group in edits.items() if not EVERY[name].teacher for job in group]
    taught = [job for (name, _), group in edits.items() if EVERY[name].teacher for job in group]
    run_stages([first, taught], options.processes, options.backend, options.reuse)
    from benchmarks.audits import audit
    from benchmarks.compare_tables import write_tables

    result = audit(comparison, requests, methods, scorings, edits)
    command = " ".join(["python -m benchmarks.compare", *words])
    failed = [*tuning["failed"], *(job.folder.name for job in (*pool, *first, *taught) if not job.finished())]
    code = record("compare", [*pool, *tuning["jobs"], *first, *taught])
    about = {"command": command, **code, "failed": failed, "tuning": readable(tuning)}
    write_tables({**about, **result}, options.name, comparison.root)


def readable(tuning: dict[str, Any]) -> dict[str, Any]:
    """The chosen settings as words."""
    chosen = {
        name: " ".join(f"{option.rsplit('.', 1)[-1]} {value}" for option, value in setting)
        for name, setting in tuning["chosen"].items()
    }
    return {"scores": tuning["scores"], "chosen": chosen, "edges": tuning["edges"]}


def print_cost(comparison: Comparison, methods: Sequence[str], requests: Sequence[str], pool: Sequence[Job]) -> None:
    """Say what will be run before it is."""
    options, sizes = comparison.options, comparison.sizes
    images = sum(sizes.counts) * sizes.epochs
    missing = [job for job in pool if not job.usable(options.reuse)]
    settings = sum(len(EVERY[name].settings) for name in methods if len(EVERY[name].settings) > 1)
    print(f"pool: {len(pool)} models, {len(missing)} still to train, about {images:,} images each")
    print(f"tuning: {settings * len(options.tune_on)} runs or more, at most {options.budget:.0%} of that each")
    runs = len(methods) * len(requests) * options.seeds
    print(f"runs: {len(methods)} methods x {len(requests)} requests x {options.seeds} originals = {runs}, at most as much each")
    total = len(missing) + options.budget * (settings * len(options.tune_on) + runs)
    print(f"in all up to {total:.0f} times the cost of one training; finished runs are not run again", flush=True)


if __name__ == "__main__":
    main()
