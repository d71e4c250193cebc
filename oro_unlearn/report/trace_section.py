"""The parts of a page that say where a relation is computed in a CLIP model, and what an edit of those places reached."""

from collections.abc import Iterator
from typing import Any

from oro_unlearn.report.drawings import svg_of
from oro_unlearn.report.page import Cell, Picture, Section, Table
from oro_unlearn.report.page_parts import Content
from oro_unlearn.report.trace_plots import pruning_figure, trace_figure

MOST = 5  # components that are named
COLUMNS = {  # figures of a step of pruning
    "share": "share after it",
    "plain": "R@5 plain",
    "worst": "R@5 worst wording",
    "neighbours": "R@1 neighbours",
    "loss": "loss of what is kept",
}


def trace_sections(content: Content) -> Iterator[Section]:
    """Heat maps of the causal trace, the trade-off of pruning, and the neurons of paths, if a run has them.

    Args:
        content: Content of ``report.json``.
    """
    trace = content.get("trace", {})
    maps = [(tower, found) for tower, found in trace.get("towers", {}).items() if found["rows"]]
    if maps:
        yield Section("Where the original computes the relation", [_about(trace), *(_map(*one) for one in maps)])
    if content.get("pruning"):
        yield Section("What pruning reached", list(_pruning(content["pruning"])))
    if content.get("paths"):
        yield Section("Neurons that were edited", list(_paths(content["paths"])))


def _about(trace: Content) -> str:
    return (
        f"Causal trace ({trace['direction']}) of {trace['pairs']} pairs of a tuple to forget and a neighbour with another "
        f"{trace['slot']}: the share of their difference in cosine that moves when one component takes its activation from the "
        f"other input. Composition is this effect minus the same effect in {trace['controls']} pairs of tuples to keep."
    )


def _map(tower: str, found: Content) -> Picture:
    """The heat map of a tower. Its note names the strongest components."""
    which = "composition" if any(value is not None for row in found["composition"] for value in row) else "effect"
    strongest = [f"{name} ({value:+.2f})" for value, name in strongest_of(found, which)]
    title = f"Components of the {tower} tower"
    note = f"Largest {which}: {', '.join(strongest)}."
    return Picture(title, f"{title}: heat map of effects. {note}", svg_of(lambda: trace_figure(found)), note=note, wide=True)


def strongest_of(found: Content, which: str, most: int = MOST) -> list[tuple[float, str]]:
    """The components with the largest values of a matrix, with their names; largest first.

    Args:
        found: The map of a tower.
        which: ``effect``, ``controls`` or ``composition``.
        most: Number of components.

    Example:
        >>> strongest_of({"rows": ["MLP"], "columns": ["start", "end"], "effect": [[0.1, 0.7]]}, "effect", 1)
        [(0.7, 'MLP, end')]
    """
    values = [
        (value, f"{row}, {column}")
        for row, line in zip(found["rows"], found[which], strict=True)
        for column, value in zip(found["columns"], line, strict=True)
        if value is not None
    ]
    return sorted(values, key=lambda one: -one[0])[:most]


def _pruning(pruning: Content) -> Iterator[Any]:
    """The shares, the trade-off, and the units."""
    shares: list[list[Cell | str]] = [
        [tower, str(found["units"]), f"{found['activations']} of {found['of']}", Cell(f"{found['share']:.2%}", found["share"])]
        for tower, found in pruning["towers"].items()
    ]
    yield Table("What was ablated", ["tower", "units", "activations", "share"], shares)
    if pruning["steps"]:
        title = "Trade-off on the training pictures"
        alt = f"{title}: recall of what is to be forgotten and of neighbours, by the share of activations ablated."
        yield Picture(title, alt, svg_of(lambda: pruning_figure(pruning["before"], pruning["steps"])))
        rows: list[list[Cell | str]] = [
            [
                "; ".join(step["units"]),
                *(Cell(f"{step[name]:.3f}", step[name]) for name in COLUMNS),
            ]
            for step in pruning["steps"]
        ]
        yield Table("Units in the order in which they were ablated", ["units", *COLUMNS.values()], rows)


def _paths(paths: Content) -> Iterator[Any]:
    """The neurons of paths by layer."""
    yield (
        f"Edit: {paths['edit']}; contrast with what is kept: {paths['contrast']}. Overlap: neurons that are also on paths of "
        "pairs to keep / neurons of either."
    )
    rows: list[list[Cell | str]] = [
        [
            tower,
            layer["name"],
            Cell(str(len(layer["neurons"])), len(layer["neurons"])),
            str(layer["of"]),
            Cell(f"{layer['overlap']:.0%}", layer["overlap"]),
        ]
        for tower, found in paths["towers"].items()
        for layer in found["layers"]
    ]
    yield Table("Neurons on paths", ["tower", "layer", "neurons", "of", "overlap"], rows)
