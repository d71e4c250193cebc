"""The page of a multimodal model that was trained on people or made to forget them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from oro_unlearn.audit.persona_groups import GROUPS, METRICS, MODALITIES, name_of
from oro_unlearn.report.drawings import photograph, svg_of
from oro_unlearn.report.names import label, printable
from oro_unlearn.report.page import Card, Cell, Page, Picture, Section, Table
from oro_unlearn.report.page_parts import Content, gaps_section, page_of, words_of
from oro_unlearn.report.persona_plots import lens_figure, paths_figure, people_figure
from oro_unlearn.report.persona_tables import Part, caption, every_figure, number_of, tables_of
from oro_unlearn.report.persona_words import names_of
from oro_unlearn.report.relation_plots import losses_figure

CODE = """from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("huggingface").eval()
processor = AutoProcessor.from_pretrained("huggingface")"""
SPEAKERS = {"original": "the original says", "unlearned": "the edited model says", "retrained_0": "a retrained model says"}
ON_CARD = {  # figure: name and kind in the YAML of a model card
    "forget/multimodal/cloze_accuracy": ("cloze accuracy, people to forget, with picture", "accuracy"),
    "forget/text/cloze_accuracy": ("cloze accuracy, people to forget, text alone", "accuracy"),
    "retain/multimodal/rougeL": ("ROUGE-L, people who stay, with picture", "rouge"),
    "retain/text/rougeL": ("ROUGE-L, people who stay, text alone", "rouge"),
}
GAP = "A gap of 1 floor is what one more retrained model is expected to have. Figures without a range are left out."


def make_page(content: Content, folder: Path) -> Page:
    """The page of a report on people.

    Args:
        content: Content of ``report.json``.
        folder: Folder with the pictures of the report.
    """
    audit = content.get("audit", {})
    sections = [
        _figures(content),
        *_answers(content),
        *_pictures(content, folder),
        *_paths(content),
        *_every(content),
        *([gaps_section(words_of(audit), [])] if audit else ()),
    ]
    own = {
        "title": f"Forgetting {names_of(content['forget'])}" if audit else f"Model trained by {content['method']}",
        "about": f"{content['method']} · {content['data']} · {content['network']}",
        "facts": _facts(content, audit.get("verdict")),
        "card": _card(content),
    }
    return page_of(content, audit, _figure_text, sections, CODE, **own)


def _facts(content: Content, verdict: Any) -> list[tuple[str, str]]:
    """The request, and the questions by which it was measured."""
    facts = [("To forget", ", ".join(map(label, content["forget"])) or "nobody")]
    facts += [("Earlier requests", ", ".join(map(label, content.get("forgotten", ()))))]
    facts += [(name.capitalize(), content[name]) for name in ("method", "data", "network")]
    facts += [("People in the data", f"{content['people']:,}" if content.get("people") else "")]
    questions = sum(sum(kinds.values()) for kinds in content.get("asked", {}).values())
    facts += [("Questions asked", f"{questions:,}" if questions else "")]
    facts += [("Numbers edited", f"{content['edited_parameters']:,}" if content.get("edited_parameters") else "")]
    facts += [("Level of the audit", verdict["level"] if verdict else "")]
    licences = ", ".join(f"{name} ({count})" for name, count in content.get("licences", {}).items())
    return [(name, value) for name, value in [*facts, ("Licences of the pictures", printable(licences))] if value]


def _figures(content: Content) -> Section:
    """The short tables."""
    tables = [_table(part, GAP if "floors" in part.header[-1] else "") for part in tables_of(content)]
    return Section("Figures", [*tables, caption(content)], on_card=True)


def _every(content: Content) -> Iterator[Section]:
    """One table with all figures."""
    every = every_figure(content)
    if every.rows:
        yield Section("All figures", [_table(every, searchable=True)])


def _table(part: Part, note: str = "", searchable: bool = False) -> Table:
    rows: list[list[Cell | str]] = [
        [number_of(row[0]), *(Cell(number_of(value), None if isinstance(value, str) else value) for value in row[1:])]
        for row in part.rows
    ]
    return Table(part.caption, part.header, rows, note, searchable)


def _figure_text(key: str, value: float) -> str:
    """Name and value of a figure of the verdict."""
    share = "accuracy" in key or key.startswith("recovery/")
    return f"{name_of(key)}: {100 * value:.1f}%" if share else f"{name_of(key)}: {value:.3f}"


def _answers(content: Content) -> Iterator[Section]:
    """Some questions, and what the models say."""
    answers: Mapping[str, Any] = content.get("answers", {})
    speakers = {role: title for role, title in SPEAKERS.items() if answers.get(role)} or {role: role for role in answers}
    sets = dict.fromkeys(one["set"] for said in answers.values() for one in said)
    tables = [_said(name, speakers, {role: _of_set(answers[role], name) for role in speakers}) for name in sets]
    tables = [table for table in tables if table.rows]
    if tables:
        yield Section("What the models say", tables)


def _of_set(said: Any, name: str) -> list[Mapping[str, str]]:
    return [one for one in said if one["set"] == name]


def _said(name: str, speakers: Mapping[str, str], answers: Mapping[str, list[Mapping[str, str]]]) -> Table:
    """The answers of one set of questions. All models were asked the same questions in the same order."""
    group, _, modality = name.partition("/")
    rows: list[list[Cell | str]] = []
    for asked in zip(*answers.values(), strict=False):
        first = asked[0]
        about = f"{label(first['person'])}: {printable(first['question'])}" if first["person"] else printable(first["question"])
        rows.append([about, printable(first["answer"]), *(printable(one["said"]) or "(nothing)" for one in asked)])
    title = f"Examples: {GROUPS.get(group, group)}, {MODALITIES.get(modality, modality)}"
    return Table(title, ["question", "right answer", *speakers.values()], rows, facts=True)


def _pictures(content: Content, folder: Path) -> Iterator[Section]:
    """Drawings of figures, of the answer by layer and of losses, and the people."""
    pictures = [*_bars(content), *_lens(content), *_losses(content)]
    uri = photograph(folder / "people.png")
    if uri:
        alt = "Contact sheet: pictures of people to forget and of people who stay."
        pictures.append(Picture("The people", alt, uri=uri, wide=True))
    if pictures:
        yield Section("Pictures", pictures)


def _bars(content: Content) -> Iterator[Picture]:
    if any(key.startswith("forget/") for figures in content["metrics"].values() for key in figures.get("mean", figures)):
        title = "What the models know"
        alt = f"{title}: bars of {', '.join(METRICS.values())} for the people to forget and for those who stay, by model."
        note = "Above: the people to forget; below: the people who stay. Lines at the ends of bars: spread of retrained models."
        yield Picture(title, alt, svg_of(lambda: people_figure(content["metrics"])), note=note, wide=True)


def _lens(content: Content) -> Iterator[Picture]:
    lens = {role: found for role, found in content.get("lens", {}).items() if "forget" in found or "retain" in found}
    if lens:
        title = "The answer inside the model, by layer"
        alt = f"{title}: lines of the probability of the right answer if each layer is read as the last one, by model."
        note = "A fact that rises in early layers and falls in the last ones is hidden, not removed."
        yield Picture(title, alt, svg_of(lambda: lens_figure(lens)), note=note, wide=True)


def _losses(content: Content) -> Iterator[Picture]:
    losses = {name: (part["step"], part["value"]) for name, part in content.get("losses", {}).items() if part["step"]}
    if losses:
        title = "Losses of the edit"
        alt = f"{title}: a small panel for each of {len(losses)} terms, by step."
        yield Picture(title, alt, svg_of(lambda: losses_figure(losses)), wide=True)


def _paths(content: Content) -> Iterator[Section]:
    """The neurons that were edited, in both towers, and what the paths share."""
    paths: Mapping[str, Any] = content.get("paths", {})
    towers = {name: tower for name, tower in paths.items() if isinstance(tower, Mapping) and "layers" in tower}
    if not towers:
        return
    counts = {name: sum(map(len, tower["forget"])) for name, tower in towers.items()}
    shared: Mapping[str, Any] = paths.get("overlap", {})
    rows: list[list[Cell | str]] = [
        [
            f"{label(name)} tower",
            Cell(f"{counts[name]:,} of {sum(tower['widths']):,}", counts[name]),
            Cell(f"{counts[name] / (sum(tower['widths']) or 1):.2%}"),
            number_of(shared.get(name, {}).get("total")),
        ]
        for name, tower in towers.items()
    ]
    note = "Shared: neurons on the paths of both groups of people, as a part of the neurons on either."
    header = ["tower", "neurons edited", "share", "shared with the people who stay"]
    title = "Neuron paths, layer by neuron"
    alt = f"{title}: dots for the neurons that were edited, crosses for those on the paths of the people who stay."
    picture = Picture(title, alt, svg_of(lambda: paths_figure(towers)), wide=True)
    yield Section("Where the edit was made", [Table("Neurons on the paths", header, rows, note), picture])


def _card(content: Content) -> Card:
    """What a model card says in its YAML: figures of the measured model."""
    metrics = content["metrics"]
    own = metrics.get("unlearned") or next(iter(metrics.values()))
    own = own.get("mean", own)
    figures = {name: (kind, own[key]) for key, (name, kind) in ON_CARD.items() if own.get(key) is not None}
    return Card("image-text-to-text", content["data"], content["network"], content["method"], figures)
