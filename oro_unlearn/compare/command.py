"""``oro-unlearn compare``: every method with the same data path, tuning budget and audit.

1. Train the missing models of the pool: originals, and for each request models retrained without its classes. The pool
   serves as reference, as noise floor and as shadow models of U-LIRA and RMIA.
2. Tune every method over five settings on a held-out fifth of the training split, with separate originals and retrained
   models. The test split is never read. If the best setting is at an edge of the grid, the grid is extended there, by the
   same rule for all methods. No run may show more images to any network, teachers included, than the share ``--budget`` of
   the images that retraining reads.
3. Run every method on every original and request, and audit all models from their saved scores.

A failed run is named and left out. All other runs continue.
"""

import shlex
from collections.abc import Sequence

from oro_unlearn.compare.comparison import Comparison
from oro_unlearn.compare.jobs import Job
from oro_unlearn.compare.options import Request, parser, preset_or_path, read_options
from oro_unlearn.compare.searches import EVERY, GROUPS

__all__ = ["main", "parser"]


def main(words: Sequence[str]) -> None:
    """Run the missing jobs, audit all models, and write results and tables into the output folder.

    Args:
        words: The words after ``compare``.

    Raises:
        UserError: If options, classes or files do not exist. Nothing has been trained then.
    """
    from oro_unlearn.compare.audits import audit
    from oro_unlearn.compare.jobs import run_stages
    from oro_unlearn.compare.options import measure
    from oro_unlearn.compare.sources import record
    from oro_unlearn.compare.tables import show, write_tables
    from oro_unlearn.compare.tuning import readable, tune

    options = read_options(words)
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
    result = audit(comparison, requests, methods, scorings, edits)
    everything = [*pool, *tuning["jobs"], *first, *taught]
    about = {
        "command": shlex.join(["oro-unlearn", "compare", *map(_short, words)]),
        **record(__file__, everything),
        "failed": [*tuning["failed"], *(job.folder.name for job in (*pool, *first, *taught) if not job.finished())],
        "tuning": readable(tuning),
    }
    write_tables({**about, **result}, comparison.root)
    show({**about, **result}, comparison.root)


def print_cost(comparison: Comparison, methods: Sequence[str], requests: Sequence[Request], pool: Sequence[Job]) -> None:
    """Print which runs will start, and what they cost."""
    options, sizes = comparison.options, comparison.sizes
    images = sum(sizes.counts) * sizes.epochs
    missing = [job for job in pool if not job.usable(options.reuse)]
    settings = sum(len(EVERY[name].settings) for name in methods if len(EVERY[name].settings) > 1)
    print(f"pool: {len(pool)} models, {len(missing)} still to train, about {images:,} images each")
    print(f"tuning: {settings * len(options.tune_on)} runs or more, each with at most {options.budget:.0%} of these images")
    runs = len(methods) * len(requests) * options.seeds
    print(f"runs: {len(methods)} methods x {len(requests)} requests x {options.seeds} originals = {runs}, with the same limit")
    total = len(missing) + options.budget * (settings * len(options.tune_on) + runs)
    print(f"total: up to {total:.0f} times the cost of one training; finished runs are not run again", flush=True)


def _short(word: str) -> str:
    """A word of the command line, where the path of a preset is replaced by its name."""
    return str(preset_or_path(word)) if word.endswith(".yaml") else word
