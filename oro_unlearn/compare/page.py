"""The page of a comparison: any two methods side by side, cost against distance, and every table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from statistics import mean
from typing import TYPE_CHECKING, Any

from oro_unlearn.audit.findings import LABELS
from oro_unlearn.compare.costs import budget_of, image_counts, read_share
from oro_unlearn.compare.distances import INSIDE, Record, Yardstick
from oro_unlearn.compare.headline import CAPTION
from oro_unlearn.compare.rows import Records, Result, label, methods_of, runs_of
from oro_unlearn.compare.spreads import known
from oro_unlearn.compare.summary import Headline, level_of
from oro_unlearn.report.class_page import figure_name
from oro_unlearn.report.drawings import svg_of
from oro_unlearn.report.page import Cell, Explorer, Page, Picture, Section, Table
from oro_unlearn.report.page_parts import provenance_section, with_glossary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADINGS = {
    "headline": "Methods by distance",
    "output": "Outputs",
    "attacks": "U-LIRA",
    "representation": "Features and weights",
    "inside": "Inside the range",
    "gaps": "Gaps in floors",
    "mask": "Beside the free control",
    "requests": "By request",
    "tuning": "Tuning",
}
NOTES = {"headline": CAPTION}
LINE = 0.055  # distance of two names, as a part of the height of a drawing
NAMED = 10  # methods whose names are written beside their points
NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?")
Rows = Sequence[Sequence[str]]


def comparison_page(result: Result, tables: Mapping[str, Rows]) -> Page:
    """The page of a comparison.

    Args:
        result: Result of the comparison.
        tables: Header and rows of every table, by its kind.
    """
    requests = list(dict.fromkeys(", ".join(record["forget"]) for record in result["models"]))
    failed = [f"Failed and left out: {', '.join(result['failed'])}."] if result.get("failed") else []
    empty = [] if result["models"] else ["No request could be audited: there are no figures."]
    facts = [("Data", result["data"]), ("Requests", "; ".join(requests)), ("Command", result.get("command", ""))]
    facts += [("Originals", str(result["originals"])), ("Retrained models of a request", str(result["retrained_models"]))]
    facts += [("Budget of a run", f"{budget_of(result):.0%} of the images of retraining")]
    explored = [_side_by_side(result), *_costs(result)] if result["models"] else []
    sections = [*explored, *(_section(kind, rows) for kind, rows in tables.items() if len(rows) > 1)]
    page = Page(
        title=f"Comparison of unlearning methods on {result['data'].partition('/')[0]}",
        about=f"{len(methods_of(result))} models and methods · {len(requests)} requests",
        facts=[(name, value) for name, value in facts if value],
        sections=[*sections, provenance_section(result)],
        warnings=[*empty, *failed],
    )
    return with_glossary(page)


def _section(kind: str, rows: Rows) -> Section:
    """A table as a section, sortable by the first number of each cell."""
    header, *lines = rows
    heading = HEADINGS.get(kind, kind)
    body: list[list[Cell | str]] = [[line[0], *(Cell(text, _first_number(text)) for text in line[1:])] for line in lines]
    return Section(heading, [Table(heading, header, body, NOTES.get(kind, ""), searchable=True, wide=len(header) > 6)])


def _first_number(text: str) -> float | None:
    found = NUMBER.match(text)
    return float(found[0].replace("−", "-")) if found else None


def _side_by_side(result: Result) -> Section:
    """Every figure of any two methods, beside the retrained models."""
    note = (
        "Means over all runs. Range: the 95 % interval for one more retrained model, its ends averaged over the requests. "
        "The drawing shows both methods on one line, A in orange and B in blue."
    )
    return Section("Any two methods", [note, Explorer(explored(result))])


def explored(result: Result) -> dict[str, Any]:
    """What the script of the page shows: figures with the retrained models' range, and their values for every method.

    Args:
        result: Result of a comparison.
    """
    names = {method: label(method) for method in methods_of(result)}
    first = [method for method in names if method not in ("original", "retrained", "logit_mask")][:1]
    chosen = [*first, "logit_mask"] if first and "logit_mask" in names else list(names)[:2]
    keys = [key for key in LABELS if any(record["figures"].get(key) is not None for record in result["models"])]
    yardstick = Yardstick(result)
    figures = [_figure(key, *_range(result, yardstick, key)) for key in keys]
    figures += [{"key": kind, "name": header, "low": None, "high": None, "range": "–"} for kind, header in image_counts(result)]
    figures.append({"key": "seconds", "name": "seconds", "low": None, "high": None, "range": "–"})
    rows = {method: _values(result, method, keys) for method in names}
    shares = {method: _redirection(runs_of(result, method)) for method in names}
    classes = list(result.get("class_names", ()))
    classes = classes if all(shares.values()) else []
    about = {"names": names, "chosen": chosen, "figures": figures, "rows": rows}
    return {**about, "classes": classes, "shares": shares if classes else {}}


def _figure(key: str, low: float, high: float) -> dict[str, Any]:
    share = LABELS[key][1]
    low, high = (min(1.0, max(0.0, end)) if share and isfinite(end) else end for end in (low, high))
    text = f"{_text(low, share)} to {_text(high, share)}" if isfinite(low) and isfinite(high) else "–"
    ends = [end if isfinite(end) else None for end in (low, high)]
    return {"key": key, "name": figure_name(key), "low": ends[0], "high": ends[1], "range": text}


def _range(result: Result, yardstick: Yardstick, key: str) -> tuple[float, float]:
    """Ends of the retrained models' range, averaged over the requests."""
    one: dict[tuple[str, ...], Record] = {tuple(record["forget"]): record for record in result["models"]}
    known_of = [record for request, record in one.items() if (request, key) in yardstick.values]
    readings = [yardstick.reading(record, key) for record in known_of]
    if not readings:
        return float("nan"), float("nan")
    return mean(one.low for one in readings), mean(one.high for one in readings)


def _values(result: Result, method: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Value and text of every figure that a method has."""
    runs, found = runs_of(result, method), {}
    for key in keys:
        values = [value for _, value in known(runs, lambda record, key=key: record["figures"].get(key))]  # type: ignore[misc]
        if values:
            found[key] = {"value": mean(values), "text": _text(mean(values), LABELS[key][1])}
    if method in ("original", "retrained"):
        return found
    for kind, _ in image_counts(result):
        share = read_share(result, method, kind)
        found[kind] = {"value": share, "text": f"{100 * share:.1f}%"}
    seconds = mean(record["seconds"] for record in runs)
    return found | {"seconds": {"value": seconds, "text": f"{seconds:.1f}"}}


def _redirection(runs: Records) -> list[float]:
    """Mean share of the forgotten test images in each class, over the runs; empty if a run does not have it."""
    shares = [record.get("redirection") for record in runs]
    return [round(mean(column), 4) for column in zip(*shares, strict=True)] if shares and all(shares) else []


def _text(value: float, share: bool) -> str:
    return f"{100 * value:.1f}%" if share else f"{value:.3f}"


def _costs(result: Result) -> Iterator[Section]:
    """Cost of every method against its distance from the retrained models."""
    pictures = []
    for name, keys in INSIDE.items():
        found = {method: one for method, one in level_of(result, name, keys).found.items() if isfinite(one.value)}
        shares = {method: 100 * read_share(result, method) for method in found if method != "original"}
        if shares:
            best = min(shares, key=lambda method: found[method].value)
            alt = (
                f"Cost against distance, {name}: one point per method. The closest is {label(best)} ({found[best].value:.2f})."
            )
            svg = svg_of(lambda shares=shares, found=found: _scatter(shares, found))  # type: ignore[misc]
            note = (
                "Lower is closer to retraining; 1 is one more retrained model. Lines: 95 % intervals over resampled requests."
            )
            pictures.append(Picture(f"Cost against distance, {name}", alt, svg, note=note, wide=True))
    if pictures:
        yield Section("Cost against distance", pictures)


def _scatter(shares: Mapping[str, float], found: Mapping[str, Headline]) -> "Figure":
    """Points with intervals. The names of the closest methods stand at the right, with lines to their points."""
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.8), layout="constrained")
    panel = figure.subplots()
    ordered = sorted(shares, key=lambda method: found[method].value)
    for place, method in enumerate(ordered):
        value, drawn = found[method].value, found[method].drawn
        colour = "#d2480a" if place < NAMED else "#8a909a"
        if np.isfinite(drawn).all():
            panel.plot([shares[method]] * 2, np.quantile(drawn, [0.025, 0.975]), color=colour, linewidth=1, alpha=0.5)
        panel.plot(shares[method], value, "o", color=colour, markersize=4.5)
    panel.axhline(1, color="#1a73e8", linestyle="dashed", linewidth=1)
    panel.set(yscale="log", xlabel="images read, % of those of retraining", ylabel="distance from retrained models (log)")
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    panel.grid(color="#e6e8ec", linewidth=0.6)
    _name_points(panel, {label(method): (shares[method], found[method].value) for method in ordered[:NAMED]})
    return figure


def _name_points(panel: "Axes", points: Mapping[str, tuple[float, float]]) -> None:
    """Write names beside a panel, from bottom to top, none over another."""
    panel.autoscale_view()
    height, line = 0.0, {"arrowstyle": "-", "color": "#b9bec7", "linewidth": 0.6}
    for name, point in points.items():
        height = max(panel.transLimits.transform(panel.transScale.transform(point))[1], height + LINE)
        panel.annotate(name, point, (1.03, height), textcoords="axes fraction", va="center", fontsize=8.5, arrowprops=line)
