"""``oro-unlearn graph``: check a relation graph, print the roles that follow from a request, and draw it."""

from collections.abc import Sequence

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.graph import Captions, Concept, derive_roles, draw_graph, load_graph

ABOUT = "Check a relation graph, print the roles that follow from a request, and draw it."
MORE = """\
"oro-unlearn graph import --from DATASET FILES" makes a graph from published annotations: see oro-unlearn graph import --help"""
SHOWN = 8  # captions printed for each role


def parser() -> PlainParser:
    """Options of ``graph``."""
    result = PlainParser("graph", description=ABOUT, epilog=MORE)
    result.add_argument("graph", nargs="?", default="scenes", help="YAML file of the graph; default: the embedded world")
    result.add_argument(
        "--forget",
        action="append",
        default=[],
        metavar="TUPLE",
        help="tuple to forget, such as 'child drinking wine'; may be repeated",
    )
    result.add_argument("--no-propagate", action="store_true", help="leave out tuples that follow from the hierarchy")
    result.add_argument("--draw", metavar="FILE", help="PNG or SVG file for a drawing of the graph")
    return result


def main(words: Sequence[str]) -> None:
    """Check the graph, print the roles of its tuples, and draw it on request.

    Args:
        words: The words after ``graph``.

    Raises:
        UserError: If the graph, a tuple or the drawing's name is wrong.
    """
    if words and words[0] == "import":
        from oro_unlearn.cli.graph_import import main as import_graph

        return import_graph(words[1:])
    options = parser().parse_args(words)
    graph = load_graph(options.graph)
    roles = derive_roles(graph, [graph.parse(text) for text in options.forget], not options.no_propagate)
    if options.draw:
        draw_graph(graph, roles, options.draw)
    captions = Captions(graph)
    groups: dict[str, Sequence[Concept]] = {
        "unsafe": roles.unsafe,
        **{f"{slot} differs": concepts for slot, concepts in roles.neighbours.items()},
    }
    groups |= {"swapped": roles.swapped, "nodes": roles.nodes, "neutral": roles.neutral}
    for name, concepts in groups.items():
        shown = ", ".join(captions.plain(concept) for concept in concepts[:SHOWN])
        print(f"{name} ({len(concepts)}): {shown}{', ...' if len(concepts) > SHOWN else ''}")
