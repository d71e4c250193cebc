"""The rule that extends a grid search: if the best setting is at an edge of the grid, settings beyond it are tried."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

from oro_unlearn.compare.jobs import Job
from oro_unlearn.compare.options import Request
from oro_unlearn.compare.searches import EVERY, Setting

if TYPE_CHECKING:
    from oro_unlearn.compare.comparison import Comparison

SHARES = (
    "--model.density",
    "--model.retain_weight",
)  # values in (0, 1): their odds change by a ratio; for all others the value does
ROUNDS = 4  # maximum number of extensions, for every method


class Search:
    """The trials of one method: its five settings, then settings beyond an edge as long as the best one is at an edge.

    Args:
        comparison: The comparison, which makes the jobs.
        name: Name of the method.
    """

    def __init__(self, comparison: "Comparison", name: str) -> None:
        self.comparison, self.name, self.next = comparison, name, list(EVERY[name].settings)
        self.scores: dict[Setting, float] = {}
        self._trials: dict[Setting, list[Job]] = {}

    @property
    def best(self) -> Setting:
        """The setting whose models are closest to the retrained models."""
        return min(self.scores, key=lambda setting: self.scores[setting])

    @property
    def jobs(self) -> list[Job]:
        """Jobs of all trials so far."""
        return [job for jobs in self._trials.values() for job in jobs]

    def trials(self) -> list[Job]:
        """Jobs of the settings to try next."""
        requests = self.comparison.options.tune_on
        new = {
            setting: [self.comparison.edits(self.name, request, setting, tuning=True)[0] for request in requests]
            for setting in self.next
        }
        self._trials |= new
        return [job for jobs in new.values() for job in jobs]

    def score(self, scorings: Mapping[Request, list[Job]]) -> None:
        """Score the finished trials, and choose the settings to try next. A setting with a failed run is left out."""
        from oro_unlearn.compare.audits import distance

        for setting in self.next:
            pairs = list(zip(self._trials[setting], scorings.values(), strict=True))
            if all(job.finished() for trial, references in pairs for job in (trial, *references)):
                self.scores[setting] = mean(distance(job, references[1:]) for job, references in pairs)
        self.next = edges(self.best, list(self._trials)) if self.scores else []

    def at_an_edge(self) -> list[str]:
        """Short names of the options whose best value is at an end of the values that were tried."""
        return _ends(self.best, list(self._trials))

    def readable(self) -> dict[str, float]:
        """Scores, by the values of each setting as text."""
        return {" ".join(word for _, word in setting): round(score, 5) for setting, score in self.scores.items()}


def edges(best: Setting, tried: Sequence[Setting]) -> list[Setting]:
    """Settings to try next, one for each option whose best value is at an end of the values that were tried.

    The new value continues the ratio of the last two values; for a share it is the ratio of their odds. The other options
    keep their values.

    Args:
        best: The best setting so far.
        tried: Every setting that was tried, including the best one.

    Returns:
        The settings; empty if the best setting is inside the grid.

    Example:
        >>> edges((("lr", "0.1"),), [(("lr", "0.01"),), (("lr", "0.1"),)])
        [(('lr', '1'),)]
        >>> edges((("lr", "0.1"),), [(("lr", "0.01"),), (("lr", "0.1"),), (("lr", "1"),)])
        []
    """
    found = []
    for position, (option, value) in enumerate(best):
        line = sorted({float(dict(setting)[option]) for setting in tried})
        here = line.index(float(value))
        if len(line) < 2 or 0 < here < len(line) - 1:
            continue
        neighbour = line[1] if here == 0 else line[-2]
        moved = _moved(option, float(value), neighbour)
        if moved is not None:
            found.append((*best[:position], (option, f"{moved:.4g}"), *best[position + 1 :]))
    return found


def unsettled(tuning: Mapping[str, Any], method: str) -> list[str]:
    """Options of a method whose chosen value is at an end of the values that were tried.

    Args:
        tuning: The section ``tuning`` of a result of ``oro-unlearn compare``. If it has no ``edges``, its scores are used.
        method: Name of the method.
    """
    method = EVERY[method].tuned_as or method if method in EVERY else method
    if "edges" in tuning:
        return list(tuning["edges"].get(method, []))
    scores = tuning.get("scores", {}).get(method, {})
    if not scores or method not in EVERY:
        return []
    names = [option for option, _ in EVERY[method].settings[0]]
    tried = {tuple(zip(names, text.split(), strict=True)): score for text, score in scores.items()}
    return _ends(min(tried, key=lambda setting: tried[setting]), list(tried))


def _ends(best: Setting, tried: Sequence[Setting]) -> list[str]:
    further = edges(best, tried)
    return [name.rsplit(".", 1)[-1] for name, value in best if any(dict(setting)[name] != value for setting in further)]


def _moved(option: str, value: float, neighbour: float) -> float | None:
    """The next value outwards; None if a value is 0, because a ratio cannot change it."""
    if option in SHARES:
        odds, before = (number / (1 - number) for number in (value, neighbour))
        further = odds * odds / before
        return further / (1 + further)
    return value * value / neighbour if value and neighbour else None
