"""Tuning: for every method, find the setting that is closest to retrained models on held-out training images."""

import sys
from collections.abc import Sequence
from typing import Any

from oro_unlearn.compare.comparison import Comparison
from oro_unlearn.compare.jobs import run_stages
from oro_unlearn.compare.moving_grid import ROUNDS, Search
from oro_unlearn.compare.searches import EVERY


def tune(comparison: Comparison, methods: Sequence[str]) -> dict[str, Any]:
    """Choose the setting of every method on held-out training images. A grid is extended until its best setting is inside.

    Args:
        comparison: The comparison, which makes the jobs.
        methods: Names of methods.

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
        print(
            f"no setting of {', '.join(untuned)} could be scored: the first setting of each is used without tuning",
            file=sys.stderr,
        )
    jobs = [
        *(job for search in searches.values() for job in search.jobs),
        *(job for group in scorings.values() for job in group),
    ]
    first = {name: EVERY[name].settings[0] for name in tuned}
    ends = {name: search.at_an_edge() for name, search in searches.items() if search.scores}
    return {
        "scores": {name: search.readable() for name, search in searches.items() if search.scores},
        "chosen": {**first, **{name: search.best for name, search in searches.items() if search.scores}},
        "edges": {name: options for name, options in ends.items() if options},
        "failed": [f"tune/{job.folder.name}" for job in jobs if not job.finished()],
        "jobs": jobs,
    }


def readable(tuning: dict[str, Any]) -> dict[str, Any]:
    """The tuning result for ``compare.json``, with the chosen settings as text."""
    chosen = {
        name: " ".join(f"{option.rsplit('.', 1)[-1]} {value}" for option, value in setting)
        for name, setting in tuning["chosen"].items()
    }
    return {"scores": tuning["scores"], "chosen": chosen, "edges": tuning["edges"]}
