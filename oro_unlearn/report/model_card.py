"""``report.md``: the page of a model as a model card of the Hugging Face hub."""

import re
from collections.abc import Iterator
from typing import Any

from oro_unlearn.report.page import Block, Code, Listing, Page, Table
from oro_unlearn.report.tables import markdown_table

SPECIAL = re.compile(r"([\\`*_\[\]#|~])")


def card_text(page: Page) -> str:
    """The model card: YAML with the figures, then the request, the verdict and the sections that belong on a card.

    Args:
        page: A page with ``card``.
    """
    from huggingface_hub import EvalResult, ModelCardData

    card = page.card
    assert card is not None
    results = [
        EvalResult(card.task, card.data, card.data, kind, value, metric_name=name, dataset_split="test")
        for name, (kind, value) in card.figures.items()
    ]
    known: dict[str, Any] = (
        {"model_name": ", ".join(filter(None, (card.network, card.method))), "eval_results": results} if results else {}
    )
    data = ModelCardData(
        library_name="oro_unlearn", pipeline_tag=card.task, tags=["machine-unlearning"], datasets=None, **known
    )
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(_parts(page)) + "\n"


def _parts(page: Page) -> Iterator[str]:
    """Paragraphs, headings, lists and tables of the card."""
    yield f"# {plain(page.title)}"
    yield plain(page.about)
    yield from (f"> **Read this first:** {plain(text)}" for text in page.warnings)
    if page.answer:
        yield f"## Verdict\n\n**Forgotten: {page.answer}.** {plain(page.verdict)}"
        rows = [["line", "answer", "figure", "reason"]]
        rows += [[line.name, line.answer, line.figure or "–", line.reason] for line in page.lines]
        yield _table(rows)
    if page.words:
        yield _listed(page.words)
    yield "## The request"
    yield _listed([f"{name}: {value}" for name, value in page.facts])
    for section in page.sections:
        if section.on_card:
            yield f"## {plain(section.heading)}"
            yield from (_block(block) for block in section.blocks)


def _block(block: Block) -> str:
    if isinstance(block, str):
        return plain(block)
    if isinstance(block, Listing):
        return _listed(block.items)
    if isinstance(block, Code):
        return f"```python\n{block.text}\n```"
    assert isinstance(block, Table)
    rows, drawn = block.cells(), {place for row in block.cells() for place, cell in enumerate(row) if cell.strip}
    kept = [place for place in range(len(block.header)) if place not in drawn]
    table = _table([[block.header[place] for place in kept], *([row[place].text for place in kept] for row in rows)])
    return f"{table}\n\n{plain(block.note)}" if block.note else table


def _listed(items: Any) -> str:
    return "\n".join(f"- {plain(item)}" for item in items)


def _table(rows: list[list[str]]) -> str:
    return markdown_table([[SPECIAL.sub(r"\\\1", cell.replace("|", "/")) for cell in row] for row in rows])


def plain(text: str) -> str:
    r"""A text on one line in which nothing is read as Markdown or HTML.

    Example:
        >>> print(plain("a *b* <script>"))
        a \*b\* &lt;script>
    """
    return SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("<", "&lt;")
