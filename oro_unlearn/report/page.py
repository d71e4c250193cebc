"""A report as a page: what it contains, and how it becomes ``report.html``, one file without any request to a network."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from oro_unlearn.files import write_text

if TYPE_CHECKING:
    from jinja2 import Template

HTML, MARKDOWN = "report.html", "report.md"
PAGES = (HTML, MARKDOWN)
TEMPLATES = Path(__file__).parent / "templates"
FEW = 6  # rows of a table that needs no sorting
ICONS = {"yes": "✓", "no": "✕", "not decided": "?", "not measured": "–"}


@dataclass(frozen=True)
class Strip:
    """Where a figure lies, on a line from 0 to 1: the retrained models' range, the edited model and the original."""

    low: float
    high: float
    after: float
    before: float | None = None


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    text: str
    order: float | None = None  # value to sort by; None: the text
    strip: Strip | None = None
    answer: str = ""  # ``yes``, ``no``, ``not decided`` or ``not measured``: shown as a badge


@dataclass(frozen=True)
class Table:
    """A table. The first cell of a row is its heading."""

    kind: ClassVar[str] = "table"
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    note: str = ""
    searchable: bool = False
    wide: bool = False  # many columns of numbers
    facts: bool = False  # names with one value each, which nobody sorts

    @property
    def sortable(self) -> bool:
        """Whether sorting helps: a reader sees a few rows at once."""
        return len(self.rows) > FEW and not self.facts

    def cells(self) -> list[list[Cell]]:
        """Rows whose texts are cells."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Picture:
    """A picture, with the text that stands for it where it cannot be seen."""

    kind: ClassVar[str] = "picture"
    title: str
    alt: str
    svg: str = ""  # markup of a drawing
    uri: str = ""  # or a data URI
    note: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Listing:
    """A list of sentences."""

    kind: ClassVar[str] = "listing"
    items: Sequence[str]


@dataclass(frozen=True)
class Terms:
    """Terms with their meaning."""

    kind: ClassVar[str] = "terms"
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """A few lines of Python."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Explorer:
    """Any two methods side by side; ``data`` is what the script of the page shows."""

    kind: ClassVar[str] = "explorer"
    data: Mapping[str, Any]


Block = str | Table | Picture | Listing | Terms | Code | Explorer


@dataclass(frozen=True)
class Section:
    """A part of a page under one heading."""

    heading: str
    blocks: Sequence[Block]
    on_card: bool = False  # whether the model card has it too

    @property
    def mark(self) -> str:
        """Identifier of the heading, for links."""
        return "-".join("".join(letter if letter.isalnum() else " " for letter in self.heading.lower()).split())


@dataclass(frozen=True)
class Judged:
    """One line of a verdict."""

    name: str
    question: str
    answer: str
    figure: str  # the figure with its limits; empty if there is none
    reason: str


@dataclass(frozen=True)
class Card:
    """What a model card says in its YAML."""

    task: str  # task of the Hugging Face hub, such as ``image-classification``
    data: str
    network: str
    method: str
    figures: Mapping[str, tuple[str, float]] = field(default_factory=dict)  # by its name: kind of metric, value


@dataclass(frozen=True)
class Page:
    """A report."""

    title: str
    about: str
    facts: Sequence[tuple[str, str]]  # what was asked, and of what
    sections: Sequence[Section]
    answer: str = ""  # whether it is forgotten; empty if the report has no verdict
    verdict: str = ""  # the verdict in one sentence
    lines: Sequence[Judged] = ()
    words: Sequence[str] = ()  # the findings in words
    warnings: Sequence[str] = ()  # what must be read before any figure
    files: Sequence[tuple[str, str, str]] = ()  # role, path and SHA-256 of each file
    card: Card | None = None


def write_page(page: Page, folder: Path) -> None:
    """Write ``report.html``, and ``report.md`` if the page is that of a model.

    Args:
        page: The page.
        folder: Folder for the files. Older ones are replaced.
    """
    from oro_unlearn.report.model_card import card_text

    write_text(html_of(page), folder / HTML)
    if page.card is not None:
        write_text(card_text(page), folder / MARKDOWN)


def html_of(page: Page, date: str = "") -> str:
    """The page as one HTML file. Every text of it is escaped; only drawings are markup.

    Args:
        page: The page.
        date: Date of the page; default: today.
    """
    date = date or datetime.datetime.now().astimezone().strftime("%Y-%m-%d")
    return str(_template().render(page=page, date=date, icons=ICONS, **_datatables(page)))


@cache
def _template() -> "Template":
    """The template of pages, compiled once in a process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # methods stay in the order of the tables
    return environment.get_template("page.html.jinja")


def _datatables(page: Page) -> dict[str, str]:
    """Script and styles of DataTables from itables, which make tables sortable; empty without itables or such tables."""
    spec = find_spec("itables")
    tables = [block for section in page.sections for block in section.blocks if isinstance(block, Table) and block.sortable]
    if spec is None or not spec.submodule_search_locations or not tables:
        return {"script": "", "styles": ""}
    folder = Path(spec.submodule_search_locations[0]) / "html"
    names = {"script": "dt_bundle.js", "styles": "dt_bundle.css"}
    return {name: (folder / file).read_text(encoding="utf-8") for name, file in names.items()}
