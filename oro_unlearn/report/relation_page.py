"""The page of a CLIP model: what ``fit``, ``test`` and ``audit`` write about it beside their JSON."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from oro_unlearn.audit.relation_groups import ALTERED, ATTACKS, FORGOTTEN, KEPT, MORE_SEARCHED, SEARCHED, UTILITY, WEIGHTS
from oro_unlearn.report.benchmark_tables import benchmark_sections
from oro_unlearn.report.drawings import photograph, svg_of
from oro_unlearn.report.loading import encoder_code
from oro_unlearn.report.names import label, printable
from oro_unlearn.report.page import Card, Cell, Page, Picture, Section, Table
from oro_unlearn.report.page_parts import Content, gaps_section, page_of, words_of
from oro_unlearn.report.relation_plots import cosines_figure, losses_figure
from oro_unlearn.report.relation_tables import Part, caption, number_of, tables_of
from oro_unlearn.report.trace_section import trace_sections
from oro_unlearn.report.weight_tables import weight_sections

CAPTIONS = (
    "What was to be forgotten",
    "What was to be kept",
    "Captions that were searched",
    "The plain caption, on altered pictures",
    "General performance",
)
FIGURES = {"worst_r5": "R@5, worst wording", "kept r1": "change of R@1", "adapter": "adapter"}
ROLES = {"original": "the original", "unlearned": "the edited model"}
PHOTOGRAPHS = {  # by file: title, alternative text and note
    "closest.png": (
        "Pictures closest to the forgotten caption",
        "Contact sheet: the pictures that each model finds closest to the forgotten caption.",
        "Red frames show what was to be forgotten, green frames its neighbours. After the edit no frame should be red.",
    ),
    "searched.png": (
        "Pictures closest to the strongest searched caption",
        "Contact sheet: the pictures that each model finds closest to the strongest caption that was searched against it.",
        "Red frames show what was to be forgotten. They are among the pictures that the search did not see.",
    ),
    "graph.png": (
        "The request in the relation graph",
        "Graph: subjects on the left, objects on the right, the forgotten relations in red, kept neighbours in green.",
        "",
    ),
}


def make_page(content: Content, folder: Path) -> Page:
    """The page of a report on a CLIP model.

    Args:
        content: Content of ``report.json`` or of a CLIP model's ``audit.json``.
        folder: Folder with the pictures of the report.
    """
    audit = content.get("audit", {})
    said, names = words_of(audit), ", ".join(map(label, content["forget"])) or "nothing"
    sections = [
        _figures(content),
        *_pictures(content, folder),
        *weight_sections(content),
        *benchmark_sections(content),
        *trace_sections(content),
        *(_strongest(content, said) if said else ()),
        *([gaps_section(said, _lacking(content))] if audit else ()),
    ]
    own = {
        "title": f"Forgetting “{names}”" if audit else f"Model trained by {content['method']}",
        "about": f"{content['method']} · {content['data']} · {content['network']}",
        "facts": _facts(content, names, audit.get("verdict")),
        "card": _card(content),
    }
    return page_of(content, audit, _figure_text, sections, encoder_code(content), **own)


def _facts(content: Content, names: str, verdict: Any) -> list[tuple[str, str]]:
    """The request, and the pictures on which it was measured."""
    facts = [("To forget", names), ("Earlier requests", ", ".join(map(label, content.get("forgotten", ()))))]
    facts += [(name.capitalize(), content[name]) for name in ("method", "data", "network")]
    facts += [("Pictures measured", f"{content['pictures']:,}"), ("Captions measured", f"{content['gallery']:,}")]
    facts += [("Weights of the adapter", f"{content['adapter_parameters']:,}")] if content.get("adapter_parameters") else []
    facts += [("Level of the audit", verdict["level"])] if verdict else []
    licences = ", ".join(f"{name} ({count})" for name, count in content.get("licences", {}).items())
    return [(name, value) for name, value in [*facts, ("Licences of the pictures", printable(licences))] if value]


def _figures(content: Content) -> Section:
    """Tables of forgotten pairs, kept pairs and general performance."""
    parts = [(text, part) for text, part in zip(CAPTIONS, tables_of(content), strict=True) if part.rows]
    tables = [_table(text, part) for text, part in parts]
    return Section("Figures", [*tables, *([caption(content)] if "original" in content["metrics"] else [])], on_card=True)


def _table(text: str, part: Part) -> Table:
    rows: list[list[Cell | str]] = [[row[0].strip(), *(Cell(cell, _value(cell)) for cell in row[1:])] for row in part.rows]
    return Table(text, part.header, rows)


def _value(text: str) -> float | None:
    """The value of a cell to sort by."""
    try:
        return float(text)
    except ValueError:
        return None


def _figure_text(key: str, value: float) -> str:
    """Name and value of a figure of the verdict."""
    group, _, figure = key.partition("/")
    groups = FORGOTTEN | KEPT | ALTERED | WEIGHTS
    name = FIGURES.get(key) or (SEARCHED | MORE_SEARCHED).get(key, "").strip()
    name = name or f"{groups.get(group, group)}, {figure}".strip(", ")
    share = key in ("worst_r5", "kept r1") or figure in ("r1", "r5", "r10", "kept_r1")
    return f"{name}: {100 * value:.1f}%" if share else f"{name}: {value:.3f}"


def _strongest(content: Content, said: list[str]) -> Iterator[Section]:
    """The attack that still gets most, and the wording, place or style that does."""
    groups: Mapping[str, Any] = content.get("items", {}).get("unlearned", {})
    tried = [(value, group, item) for group in ATTACKS for item, value in groups.get(group, {}).get("r5", {}).items()]
    known = [(value, group, item) for value, group, item in tried if value is not None]
    blocks = [text for text in said if text.startswith("Attacker")]
    if known:
        value, group, item = max(known, key=lambda one: one[0])
        blocks.append(f"Of {len(known)} attempts the best is “{label(item)}” ({ATTACKS[group]}): R@5 {number_of(value)}.")
    found = {role: one["strongest"] for role, one in content.get("search", {}).items() if role in ROLES}
    blocks += [
        f"Searched against {ROLES[role]}: “{label(one['caption'])}”, R@5 {number_of(one['r5'])}, AUC {number_of(one['auc'])}."
        for role, one in found.items()
    ]
    yield Section("The strongest attack found", blocks, on_card=True)


def _lacking(content: Content) -> list[str]:
    return [f"{UTILITY.get(name, name).strip()}: {printable(why)}." for name, why in content.get("not_measured", {}).items()]


def _pictures(content: Content, folder: Path) -> Iterator[Section]:
    """Drawings of cosines and losses, the contact sheet and the graph."""
    pictures = [*_cosines(content), *_losses(content), *_photographs(folder)]
    if pictures:
        yield Section("Pictures", pictures)


def _cosines(content: Content) -> Iterator[Picture]:
    metrics = {role: figures.get("mean", figures) for role, figures in content["metrics"].items()}
    groups = FORGOTTEN | KEPT
    if any(all(figures.get(f"{group}/cosine") is not None for figures in metrics.values()) for group in groups):
        title = "Cosine of pictures and captions"
        alt = f"{title}: bars for each group of pairs, by model."
        note = "What was to be forgotten should fall to the level of unrelated pairs; what is kept should stay."
        yield Picture(title, alt, svg_of(lambda: cosines_figure(metrics, groups)), note=note, wide=True)


def _losses(content: Content) -> Iterator[Picture]:
    losses = {name: (part["step"], part["value"]) for name, part in content.get("losses", {}).items() if part["step"]}
    if losses:
        title = "Losses of the edit"
        alt = f"{title}: a small panel for each of {len(losses)} terms, by step."
        yield Picture(title, alt, svg_of(lambda: losses_figure(losses)), wide=True)


def _photographs(folder: Path) -> Iterator[Picture]:
    for name, (title, alt, note) in PHOTOGRAPHS.items():
        uri = photograph(folder / name)
        if uri:
            yield Picture(title, alt, uri=uri, note=note, wide=True)


def _card(content: Content) -> Card:
    """What a model card says in its YAML: recalls of the measured model."""
    metrics = content["metrics"]
    own = metrics.get("unlearned") or next(iter(metrics.values()))
    own = own.get("mean", own)
    names = {"direct/r5": "R@5 of what was to be forgotten", "everything_else/r1": "R@1 of everything else"}
    names |= {"retrieval/i2t_r1": UTILITY["retrieval/i2t_r1"]}
    figures = {name: ("recall", own[key]) for key, name in names.items() if own.get(key) is not None}
    return Card("zero-shot-image-classification", content["data"], content["network"], content["method"], figures)
