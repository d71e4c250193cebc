"""``oro-unlearn suggest``: tuples of a relation graph that may be unsafe too, for a person to check."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.report.names import label, printable
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.risk import Suggestions

ABOUT = """\
Rank the tuples of a relation graph that nobody has marked by the risk that they are unsafe too. Prints a table and a YAML block
to paste. The file of the graph is not changed."""
BY = """\
the ranking; default: network, a small graph network that is trained in seconds on concepts made up from the graph. Without
training: slots or hierarchy (nearness in the hierarchy, slot by slot or of whole tuples), text (nearness in CLIP's texts)"""
RANKINGS = ("network", "slots", "hierarchy", "text")  # as oro_unlearn.risk, which is not imported for a page of help
NOT_CALIBRATED = "The risks are not calibrated: that needs two unsafe tuples, of which neither follows from the other."
CALIBRATED = "The risks are calibrated on unsafe tuples that were left out in turn (temperature {:.2f})."


def parser() -> PlainParser:
    """Options of ``suggest``."""
    result = PlainParser("suggest", description=ABOUT)
    result.add_argument("--graph", required=True, metavar="FILE", help="YAML file of the graph, with at least one unsafe edge")
    result.add_argument("--top", type=int, default=20, metavar="N", help="number of suggestions; default: 20")
    result.add_argument("--by", choices=RANKINGS, default="network", help=BY)
    result.add_argument(
        "--network",
        default="scenes",
        metavar="NAME",
        help="CLIP model, as open_clip names it; default: scenes, which is shipped",
    )
    result.add_argument(
        "--pretrained",
        default="",
        metavar="TAG",
        help="weights of the CLIP model: a tag of open_clip, or a file; needed for --network",
    )
    result.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the training; default: 0")
    result.add_argument("--draw", metavar="FILE", help="PNG or SVG file for a figure of the suggestions")
    return result


def main(words: Sequence[str]) -> None:
    """Print the suggestions, and draw them on request.

    Args:
        words: The words after ``suggest``.

    Raises:
        UserError: If the graph or an option is wrong, or a package or the weights of the CLIP model are missing.
    """
    options = parser().parse_args(words)
    if options.top < 1:
        raise UserError(f"suggest: --top {options.top} must be at least 1")
    if options.network != "scenes" and not options.pretrained:
        raise UserError(f"suggest: --network {options.network} needs --pretrained: a tag of open_clip, or a file of weights")
    from oro_unlearn.graph import load_graph
    from oro_unlearn.networks import OpenCLIP
    from oro_unlearn.risk import suggest, yaml_block
    from oro_unlearn.risk.drawing import check_name, draw_suggestions

    if options.draw:
        check_name(options.draw)
    graph = load_graph(options.graph)
    network = OpenCLIP(options.network, options.pretrained or "shipped").eval()
    suggestions = suggest(graph, network, options.top, options.by, options.seed)
    _print(suggestions)
    print(yaml_block(suggestions))
    if options.draw:
        draw_suggestions(suggestions, options.draw)
        print(f"drawn: {options.draw}")


def _print(suggestions: "Suggestions") -> None:
    """A table with a line for each suggestion. A terminal may break the lines, but they are not broken here."""
    network, others = suggestions.by == "network", list(suggestions.found[0].ranks)
    rows = [["tuple", "risk" if network else "nearness", "like the unsafe", "reason", f"rank by {', '.join(others)}"]]
    for found in suggestions.found:
        ranks = ", ".join(str(found.ranks[name]) for name in others)
        rows.append([label(str(found.triple)), f"{found.score:.3f}", label(str(found.nearest)), printable(found.reason), ranks])
    rows = rows if others else [row[:-1] for row in rows]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    listing = suggestions.listing
    tuples = "tuple" if len(listing.unsafe) == 1 else "tuples"
    print(f"{len(listing.unsafe)} {tuples} unsafe, {len(listing.safe)} safe, {len(listing.open)} open")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip())
    if network:
        print(CALIBRATED.format(suggestions.temperature) if suggestions.temperature else NOT_CALIBRATED)
