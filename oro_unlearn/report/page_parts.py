"""Parts that the pages of all kinds of task share: verdict, criteria, gaps, limits, provenance, glossary."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oro_unlearn.report.glossary import terms_in
from oro_unlearn.report.names import printable
from oro_unlearn.report.page import Cell, Code, Judged, Listing, Page, Picture, Section, Table, Terms

Content = Mapping[str, Any]
Figure = Callable[[str, float], str]  # the text of a figure, by its name and value
QUESTIONS = {
    "answers": "Does the model no longer recognise what was to be forgotten?",
    "collateral": "Does it recognise everything else as before?",
    "looks": "Does it look like one more retrained model?",
    "recovery": "Does what was forgotten come back no faster than in a retrained model?",
}
COUNTED = ("answers", "collateral")  # lines whose limits are those of their own figure
SAID_NOT = (
    "It is no certificate. It shows what these attacks found on these images, and no more.",
    "It does not prove that the weights hold nothing of what was forgotten. An attack that was not tried may find it.",
    "“Yes” means that no difference was seen. With few retrained models or few images, only large differences are seen.",
    "It says nothing about copies of the data, of the original model or of its outputs that exist elsewhere.",
    "It is no legal advice, and it does not say whether a law or a contract is fulfilled.",
)
ROLES = {"original": "original", "edited": "edited model", "unlearned": "edited model", "teacher": "teacher"}


def words_of(audit: Content) -> list[str]:
    """The findings of an audit in words, ready to be shown."""
    return [printable(text) for text in audit.get("words", ())]


def page_of(content: Content, audit: Content, figure: Figure, sections: Sequence[Section], code: str, **own: Any) -> Page:
    """A page with the parts that all kinds of task share, and a glossary.

    Args:
        content: Content of ``report.json`` or ``audit.json``.
        audit: The audit in it; empty if nothing was audited.
        figure: Text of a figure.
        sections: Sections of the kind of task, between criteria and limits.
        code: Lines of Python that load the model.
        own: ``title``, ``about``, ``facts`` and ``card`` of :class:`~oro_unlearn.report.page.Page`.
    """
    verdict = audit.get("verdict")
    ending = [limits_section(), *loading_section(content, code), provenance_section(content)]
    page = Page(
        sections=[*criteria_section(content), *sections, *ending],
        answer=verdict["forgotten"] if verdict else "",
        verdict=sentence_of(verdict) if verdict else "",
        lines=judged_lines(verdict, figure) if verdict else (),
        words=words_of(audit),
        warnings=[printable(text) for text in content.get("said_first", ())],
        files=files_of(content),
        **own,
    )
    return with_glossary(page)


def judged_lines(verdict: Content, figure: Figure) -> list[Judged]:
    """The lines of a verdict, ready to be shown.

    Args:
        verdict: ``verdict`` of a report.
        figure: Text of a figure.
    """
    lines = []
    for name, line in verdict["lines"].items():
        text = ""
        if line["value"] is not None:
            text = figure(line["figure"], line["value"])
        if text and line["low"] is not None and line["high"] is not None:
            ends = [figure(line["figure"], line[end]).rpartition(": ")[2] for end in ("low", "high")]
            kind = "limits" if name in COUNTED else "range of retrained models"
            text = f"{text} ({kind} {ends[0]} to {ends[1]})"
        reason = line["reason"][:1].upper() + line["reason"][1:]
        lines.append(Judged(name, QUESTIONS[name], line["answer"], printable(text), printable(reason)))
    return lines


def sentence_of(verdict: Content) -> str:
    """The verdict in one sentence, without the word that stands above it."""
    text = printable(verdict["words"].removeprefix("Verdict: "))
    return text[:1].upper() + text[1:]


def criteria_section(content: Content) -> Iterator[Section]:
    """What became of the criteria, if there were any."""
    states = {"met": "yes", "not met": "no", "not decided": "not decided"}
    rows = [
        [one["criterion"], Cell(one["state"], answer=states[one["state"]]), one["reason"]]
        for one in content.get("criteria", ())
    ]
    if rows:
        note = "A criterion is met if the figure and both of its limits keep it, and not met if none of them does."
        yield Section("Criteria", [Table("Criteria of this audit", ["criterion", "met", "reason"], rows, note)], on_card=True)


def limits_section() -> Section:
    """What a report cannot say."""
    return Section("What this report does not say", [Listing(SAID_NOT)], on_card=True)


def gaps_section(words: Sequence[str], lacking: Sequence[str]) -> Section:
    """What was not measured.

    Args:
        words: The findings in words; those that say that something is missing are repeated.
        lacking: Further sentences.
    """
    said = [text for text in words if "not measured" in text or text.startswith("Not judged")]
    return Section(
        "What was not measured", [Listing([*said, *lacking] or ["Nothing that this kind of audit has."])], on_card=True
    )


def loading_section(content: Content, code: str) -> Iterator[Section]:
    """How to load the model, if the report is that of a run that wrote one."""
    if "model.safetensors" in content.get("files", {}) and "config" in content:
        yield Section("How to load the model", [Code(code)], on_card=True)


def files_of(content: Content) -> list[tuple[str, str, str]]:
    """Role, path and SHA-256 of every file that a report names."""
    roles = {path: _role(role) for role, path in content.get("roles", {}).items()}
    found = [(roles.get(path) or _written(path), path, digest) for path, digest in content.get("files", {}).items()]
    named = {**content.get("inputs", {}), **({"edited": content["checkpoint"]} if "checkpoint" in content else {})}
    found += [(_role(option), file["path"], file["sha256"]) for option, file in named.items()]
    found += [("data", name, digest) for name, digest in content.get("data_sha256", {}).items()]
    return [(role, printable(path), digest) for role, path, digest in found]


def _written(name: str) -> str:
    """What a file is that a run has written."""
    return {"model.safetensors": "the model", "model.ckpt": "checkpoint"}.get(name, name.partition("/")[0])


def _role(option: str) -> str:
    """The role of a file, from the option or name that it has in a report."""
    name, _, number = option.removeprefix("model.init_args.").replace("retrained_", "retrained.").partition(".")
    return f"{name} {int(number) + 1}" if number.isdigit() else ROLES.get(name, option)


def provenance_section(content: Content) -> Section:
    """Origin of the figures: files, versions, hardware and cost."""
    blocks: list[Any] = []
    files = [list(file) for file in files_of(content)]
    if files:
        blocks.append(Table("Files", ["file", "path", "SHA-256"], files))
    facts = {"seed": content.get("seed"), "seconds of the edit": content.get("seconds"), **content.get("hardware", {})}
    facts |= {"processes": content.get("processes"), "images read": content.get("images_read"), "run": content.get("run")}
    facts |= {"commit": content.get("commit"), "sources of oro_unlearn, SHA-256": content.get("sources")}
    shown = [[name, str(value)] for name, value in facts.items() if value not in (None, "")]
    versions = [[name, version] for name, version in content.get("versions", {}).items()]
    blocks += [Table("Run and hardware", ["what", "value"], shown, facts=True)] if shown else []
    blocks += [Table("Versions", ["package", "version"], versions, facts=True)] if versions else []
    return Section("Provenance", blocks)


def with_glossary(page: Page) -> Page:
    """The page with a last section that explains the terms that appear in it."""
    found = terms_in(_texts(page))
    return replace(page, sections=[*page.sections, Section("Glossary", [Terms(found)])]) if found else page


def _texts(page: Page) -> Iterator[str]:
    """Every text of a page that a reader sees."""
    yield from (page.about, page.verdict, *page.words)
    yield from (text for line in page.lines for text in (line.question, line.figure, line.reason))
    for block in (block for section in page.sections for block in section.blocks):
        if isinstance(block, str):
            yield block
        elif isinstance(block, Table):
            yield from (block.caption, *block.header, block.note, *(cell.text for row in block.cells() for cell in row[:1]))
        elif isinstance(block, Picture):
            yield from (block.title, block.note, block.alt)
        elif isinstance(block, Listing):
            yield from block.items
