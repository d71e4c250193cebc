"""Check a relation graph, print the roles that follow from a request, and draw it: ``python -m oro_unlearn.graph my.yaml``."""

import argparse
import sys
from collections.abc import Sequence

from oro_unlearn.graph import Captions, Concept, derive_roles, draw_graph, load_graph
from oro_unlearn.user_error import UserError


def main(args: Sequence[str] | None = None) -> None:
    """Read the graph and print what it says; a mistake ends in one line and exit code 2.

    Args:
        args: Words of the command line; ``sys.argv`` when left out.
    """
    parser = argparse.ArgumentParser(prog="python -m oro_unlearn.graph", description=__doc__)
    parser.add_argument("graph", nargs="?", default="scenes", help="YAML file; default: the embedded world")
    parser.add_argument("--forget", action="append", default=[], metavar="TUPLE", help="such as 'child drinking wine'")
    parser.add_argument("--no-propagate", action="store_true", help="leave out what follows by the hierarchy")
    parser.add_argument("--draw", metavar="FILE", help="PNG or SVG to write")
    options = parser.parse_args(args)
    try:
        graph = load_graph(options.graph)
        roles = derive_roles(graph, [graph.parse(text) for text in options.forget], not options.no_propagate)
        if options.draw:
            draw_graph(graph, roles, options.draw)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    captions = Captions(graph)
    groups: dict[str, Sequence[Concept]] = {
        "unsafe": roles.unsafe,
        **{f"{slot} differs": found for slot, found in roles.neighbours.items()},
    }
    groups |= {"swapped": roles.swapped, "nodes": roles.nodes, "neutral": roles.neutral}
    for name, concepts in groups.items():
        shown = ", ".join(captions.plain(concept) for concept in concepts[:8])
        print(f"{name} ({len(concepts)}): {shown}{', ...' if len(concepts) > 8 else ''}")


if __name__ == "__main__":
    main()
