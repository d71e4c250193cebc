"""Names that hold what a terminal, a formula, a table or a page would read: they are shown as they are."""

import io

import matplotlib
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from oro_unlearn.report.class_report import report_table
from oro_unlearn.report.names import LONGEST, label, printable
from oro_unlearn.report.plots import plot_confusion_and_redirection
from oro_unlearn.report.relation_plots import plot_closest
from oro_unlearn.report.tables import markdown_table, rich_table

pytestmark = pytest.mark.pictures

ODD = [r"$\frac{", "[bold]", "[/red]", ":smile:", "<script>", "two\nlines", "\x1b[31m", "\u202eabc", "a|b", "z" * 300, "\udce9"]


def printed(table) -> str:
    console = Console(file=io.StringIO(), width=2000)
    console.print(table)
    return console.file.getvalue()


@pytest.fixture
def drawn(monkeypatch):
    """Texts of the pictures that are saved."""
    texts: list[tuple[str, bool]] = []
    save = Figure.savefig

    def note(figure, *args, **kwargs):
        texts.extend((text.get_text(), text.get_parse_math()) for text in figure.findobj(matplotlib.text.Text))
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", note)
    return texts


@pytest.mark.filterwarnings("ignore:Glyph")
def test_pictures_show_names_and_read_no_formulas(drawn, tmp_path):
    counts = [[int(row == column) for column in range(len(ODD))] for row in range(len(ODD))]
    shares = {"original": [1 / len(ODD)] * len(ODD), "unlearned": [1 / len(ODD)] * len(ODD)}
    plot_confusion_and_redirection(counts, shares, ODD, [0, 1], tmp_path / "redirection.png")
    plot_closest({"original": [([[[0, 0, 0]]], name, "other") for name in ODD]}, ODD[0], tmp_path / "closest.png")
    assert {label(name) for name in ODD} <= {text for text, _ in drawn}
    assert not any(formula for text, formula in drawn if "$" in text)
    assert all(printable(text.replace("\n", " ")) == text.replace("\n", " ") for text, _ in drawn)
    assert matplotlib.rcParams["text.parse_math"], "as it was"


@pytest.mark.parametrize("name", ODD)
def test_tables_on_the_terminal_show_names(name):
    report = {"method": "RWFT", "data": "d", "network": "n", "forget": [name], "neighbours": {name: name}}
    report["metrics"] = {"original": {"test/acc_f": 1.0}, "unlearned": {"test/acc_f": 0.0}}
    report["audit"] = {"figures": {"acc_f": {"edited": 0.0, "original": 1.0, "retrained": None}}}
    text = printed(report_table(report))
    assert "\x1b[31m" not in text
    letters = "".join(text.split())  # a title wraps where its table ends
    assert "".join(f"forgotten: {label(name)}".split()) in letters
    assert "".join(f"Nearest class, for MIA-NN: {label(name)} → {label(name)}.".split()) in letters


def test_long_names_are_cut():
    assert label("z" * LONGEST) == "z" * LONGEST
    assert label("z" * 300) == "z" * (LONGEST - 1) + "…"


def test_cells_stay_cells():
    rows = [["model", "[bold]"], ["a|b", "<script>\nx"]]
    assert "[bold]" in printed(rich_table(rows, "[red]title", "[i]caption"))
    assert "[red]title" in printed(rich_table(rows, "[red]title"))
    assert markdown_table(rows).splitlines() == ["| model | [bold] |", "|---|---:|", r"| a\|b | &lt;script> x |"]
