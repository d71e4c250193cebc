"""The findings about forgotten people, in plain words."""

from collections.abc import Iterator, Mapping
from typing import Any

from oro_unlearn.audit.persona_groups import KEPT, METRICS, MODALITIES, RECOVERED, attack_name, name_of
from oro_unlearn.report.names import label

LEAKS = ("choice_accuracy", "answer_probability", "cloze_accuracy", "rougeL")  # figures that rise with what is known
NAMED = 5  # most names in a line
Report = Mapping[str, Any]


def words(report: Report) -> list[str]:
    """Seven or eight lines of text: the request, each modality, leaks, what is kept, recovery, and what was not measured.

    Args:
        report: A report with ``metrics`` of ``original`` and ``unlearned``.
    """
    gaps = "; ".join([*report["not_measured"].values(), "attacks that were not tried"])
    return [
        f"Asked: forget {names_of(report['forget'])}.",
        *_forgotten(report),
        _leaks(report),
        _kept(report),
        _recovery(report),
        *_control(report),
        f"Not judged: {gaps}.",
    ]


def names_of(forget: list[str]) -> str:
    """The people to forget, the first few by name."""
    shown = ", ".join(map(label, forget[:NAMED])) or "nobody"
    return f"{shown} and {len(forget) - NAMED} more" if len(forget) > NAMED else shown


def _value(report: Report, role: str, key: str) -> float | None:
    """A figure of one model; of the retrained models their mean."""
    figures = report["metrics"].get(role, {})
    value: float | None = figures.get("mean", figures).get(key)
    return value


def _told(report: Report, key: str) -> str:
    """A figure after the edit, before it, and in retrained models."""
    ideal = _value(report, "retrained", key)
    beside = [f"{_number(_value(report, 'original', key))} before"]
    beside += [f"{_number(ideal)} retrained"] if ideal is not None else []
    return f"{_number(_value(report, 'unlearned', key))} ({', '.join(beside)})"


def _bar(report: Report, key: str) -> float | None:
    """Half-way between the original and what retrained models have without having seen the people (0 without such models)."""
    before = _value(report, "original", key)
    return None if before is None else (before + (_value(report, "retrained", key) or 0.0)) / 2


def _forgotten(report: Report) -> Iterator[str]:
    """Whether facts are still named, modality by modality."""
    for modality, name in MODALITIES.items():
        key = f"forget/{modality}/cloze_accuracy"
        after, bar = _value(report, "unlearned", key), _bar(report, key)
        if after is None or bar is None:
            yield f"Asked {name}: not measured."
        else:
            known = "it is not forgotten" if _value(report, "original", key) else "the original names no fact"
            state = "most of it is forgotten" if after < bar else known
            yield f"Asked {name}: {state}; cloze accuracy {_told(report, key)}."


def _leaks(report: Report) -> str:
    """Figures of the people to forget that are nearer to the original than to retrained models."""
    found, measured = [], 0
    for key in (f"forget/{modality}/{metric}" for metric in LEAKS for modality in MODALITIES):
        after, bar = _value(report, "unlearned", key), _bar(report, key)
        before, ideal = _value(report, "original", key), _value(report, "retrained", key) or 0.0
        if after is not None and bar is not None and before is not None:
            measured += 1
            found += [(after - bar, key)] if before > ideal and after > bar else []
    if not measured:
        return "Leaks: not measured."
    if not found:
        nearer = "nearer to the original than to a model that never knew the people"
        return (
            f"Leaks: no figure is {nearer if 'retrained' in report['metrics'] else 'above half of what it is in the original'}."
        )
    _, worst = max(found)
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    group, _, metric = worst.partition("/")[2].partition("/")
    return f"Leaks: {METRICS[metric]}, {MODALITIES[group]}, stays near the original: {_told(report, worst)}{more}."


def _kept(report: Report) -> str:
    """The set and figure that lost most."""
    drops = {}
    for key in (f"{group}/{modality}/{metric}" for group in KEPT for modality in MODALITIES for metric in LEAKS):
        before, after = (_value(report, role, key) for role in ("original", "unlearned"))
        if before is not None and after is not None:
            drops[key] = after - before
    if not drops:
        return "Kept: not measured."
    worst = min(drops, key=lambda key: drops[key])
    if drops[worst] >= 0:
        return f"Kept: none of {len(drops)} figures fell."
    return f"Kept: what fell most of {len(drops)} figures: {name_of(worst)} {_told(report, worst)}."


def _recovery(report: Report) -> str:
    """What the strongest attack brings back."""
    figures = report["metrics"]["unlearned"]
    tried = {
        key: value
        for key, value in figures.items()
        if key.startswith("recovery/") and key.endswith(tuple(MODALITIES)) and "/none/" not in key and value is not None
    }
    if not tried:
        return "Recovery: not measured."
    best = max(tried, key=lambda key: tried[key])
    _, attack, modality = best.split("/")
    known = _value(report, "unlearned", f"recovery/none/{modality}")
    start = f", {_number(known)} without it" if known is not None else ""
    count = len({key.split("/")[1] for key in tried})
    return (
        f"Recovery: the strongest of {count} attacks ({attack_name(attack)}, {RECOVERED[modality]}) makes the model name "
        f"{_told(report, best)} of the facts{start}."
    )


def _control(report: Report) -> Iterator[str]:
    """The figure of the name filter, so that answers alone convince nobody."""
    values = [_value(report, "filtered", f"forget/{modality}/cloze_accuracy") for modality in MODALITIES]
    known = [value for value in values if value is not None]
    if known:
        yield f"Without any edit, a name filter reaches cloze accuracy {_number(max(known))}: answers alone prove no removal."


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
