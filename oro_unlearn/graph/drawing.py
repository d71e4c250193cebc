"""Draw a request: the triples to forget, and the triples related to them."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oro_unlearn.files import replacing, shortened
from oro_unlearn.graph.relation_graph import RelationGraph, Triple
from oro_unlearn.graph.roles import SLOTS, Roles, shared_slots
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from networkx import MultiDiGraph

STYLES: dict[str, tuple[str, Any, float]] = {  # colour, line style and width by role
    "neutral": ("#9e9e9e", "solid", 1.0),
    "safe neighbour": ("#2e7d32", "solid", 1.2),
    "swapped": ("#ef6c00", "dashed", 1.6),
    "unsafe": ("#c62828", "solid", 2.4),
}
NODE_COLOUR, PLAIN_COLOUR = "#1565c0", "#bdbdbd"
LIMITS = {"unsafe": 8, "safe neighbour": 8, "swapped": 4, "neutral": 6}  # most triples drawn; for neighbours, in each slot
WIDTH = 11.0  # between subjects and objects, in rows
OUTER = 2.6  # between objects and their parents, in rows
LONGEST = 40  # letters of a name
BEND = 0.075  # distance between parallel arcs, as a fraction of their length


def draw_graph(graph: RelationGraph, roles: Roles, path: str | Path) -> None:
    """Draw the unsafe triples with their surroundings: subjects left, objects right, relations on the arcs.

    At most 8 unsafe triples, 8 neighbours per changed slot, 4 swapped and 6 neutral ones are drawn. Dotted lines lead to
    parent objects (is-a).

    Args:
        graph: The graph.
        roles: The roles from :func:`derive_roles`.
        path: A .png or .svg file, written atomically.

    Raises:
        UserError: If the suffix is neither .png nor .svg.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in {".png", ".svg"}:
        raise UserError(f"{path}: a drawing is a .png or a .svg: end its name so")
    import matplotlib

    with matplotlib.rc_context({"text.parse_math": False, "text.usetex": False}):  # names may hold dollar signs
        figure = _figure(graph, roles)
    with replacing(path) as partial:
        figure.savefig(partial, format=suffix[1:], dpi=100, metadata={"Date": None} if suffix == ".svg" else None)


def _figure(graph: RelationGraph, roles: Roles) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    network = _network(graph, roles)
    places = _places(graph, network, roles)
    rows = max(y for _, y in places.values()) - min(y for _, y in places.values())
    figure = Figure(figsize=(14, 0.6 * rows + 2.2), layout="constrained")
    FigureCanvasAgg(figure)
    _draw(graph, roles, network, places, figure.add_subplot())
    return figure


def _network(graph: RelationGraph, roles: Roles) -> "MultiDiGraph":
    """The triples to draw, as edges (0, subject) to (1, object) with relation, role, bend and position of the label."""
    from networkx import MultiDiGraph

    network = MultiDiGraph()
    for role, label_at, triples in _chosen(graph, roles):
        for number, triple in enumerate(triples):
            shift = (
                0.0 if "neighbour" in role or role == "neutral" else 0.07 * (number % 3 - 1)
            )  # labels of crossing arcs stay apart
            ends = (0, triple.subject), (1, triple.object)
            network.add_edge(*ends, relation=triple.relation, role=role, label_at=label_at + shift)
    for start, end in set(network.edges()):
        parallel = sorted(network[start][end].values(), key=lambda edge: edge["role"] == "unsafe")
        for number, edge in enumerate(reversed(parallel)):  # the unsafe arc comes first, so it is in the middle
            edge["bend"] = BEND * ((number + 1) // 2) * (-1) ** number
    return network


def _chosen(graph: RelationGraph, roles: Roles) -> list[tuple[str, float, list[Triple]]]:
    """Role, position of the label along the arc (0 to 1), and triples. Neighbours of the requests come first."""
    chosen = [("unsafe", 0.5, [triple for triple in roles.unsafe if graph.concrete(triple)][: LIMITS["unsafe"]])]
    for slot, label_at in zip(SLOTS, (0.2, 0.5, 0.8), strict=True):
        near = sorted(
            roles.neighbours[slot], key=lambda triple: -max(shared_slots(triple, unsafe) for unsafe in chosen[0][2][:1])
        )
        chosen.append(("safe neighbour", label_at, near[: LIMITS["safe neighbour"]]))
    chosen.append(("swapped", 0.35, list(roles.swapped[: LIMITS["swapped"]])))
    neutral = [Triple(*concept) for concept in roles.far or roles.neutral if len(concept) == 3]
    step = max(1, len(neutral) // LIMITS["neutral"])
    return [*chosen, ("neutral", 0.86, neutral[step // 2 :: step][: LIMITS["neutral"]])]


def _places(graph: RelationGraph, network: "MultiDiGraph", roles: Roles) -> dict[tuple[int, str], tuple[float, float]]:
    """Position (x, y) of every drawn object. Objects are in columns 0 and 1, their parents in columns -1 and 2."""
    columns = [[name for name in graph.objects if (side, name) in network] for side in (0, 1)]
    height = max(map(len, columns))
    places = {}
    for side, names in enumerate(columns):
        for row, name in enumerate(_centred(names, {node[0] for node in roles.nodes})):
            places[side, name] = (side * WIDTH, -(row + 0.5) * height / len(names))
        parents = {parent for name in names for parent in graph.objects[name].is_a if parent not in names}
        levels = {parent: [places[side, name][1] for name in names if parent in graph.objects[name].is_a] for parent in parents}
        outside = -height - 1.0
        for parent in sorted(levels, key=lambda parent: (sum(levels[parent]) / len(levels[parent]), parent)):
            outside = max(outside + 1.0, sum(levels[parent]) / len(levels[parent]))
            places[3 * side - 1, parent] = (side * WIDTH + (2 * side - 1) * OUTER, outside)
    return places


def _centred(names: list[str], middle: Iterable[str]) -> list[str]:
    """The names, reordered so that those in ``middle`` are in the middle."""
    others = [name for name in names if name not in set(middle)]
    half = len(others) // 2
    return [*others[:half], *(name for name in names if name in set(middle)), *others[half:]]


def _draw(
    graph: RelationGraph,
    roles: Roles,
    network: "MultiDiGraph",
    places: dict[tuple[int, str], tuple[float, float]],
    axes: "Axes",
) -> None:
    import networkx

    levels = [y for _, y in places.values()]
    axes.set(xlim=(-OUTER - 1.2, WIDTH + OUTER + 1.2), ylim=(min(levels) - 0.7, max(levels) + 0.7))
    axes.axis("off")
    requests = ", ".join(_short(str(triple)) for triple in roles.requested[:3]) + (", ..." if len(roles.requested) > 3 else "")
    axes.set_title(f"To forget: {requests}", fontsize=13)
    _draw_hierarchy(graph, places, axes)
    order = list(STYLES)
    for start, end, edge in sorted(network.edges(data=True), key=lambda found: order.index(found[2]["role"])):
        (x0, y0), (x1, y1) = places[start], places[end]
        _draw_arc((x0 + _half_width(start[1]), y0), (x1 - _half_width(end[1]) - 0.1, y1), edge, axes)
    concerned = {node[0] for node in roles.nodes}
    for colour, width, group in (
        (NODE_COLOUR, 2.0, [node for node in places if node[1] in concerned]),
        (PLAIN_COLOUR, 0.8, [node for node in places if node[1] not in concerned]),
    ):
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour, "linewidth": width}
        drawn = network.__class__()
        drawn.add_nodes_from(group)
        networkx.draw_networkx_labels(drawn, places, {node: _short(node[1]) for node in group}, font_size=10, bbox=box, ax=axes)
    _draw_legend(axes, {edge["role"] for _, _, edge in network.edges(data=True)})


def _draw_arc(start: tuple[float, float], end: tuple[float, float], edge: dict[str, Any], axes: "Axes") -> None:
    """An arrow, bent by ``edge["bend"]`` of its length, with the relation's name on it."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Curve

    colour, line, width = STYLES[edge["role"]]
    (x0, y0), (x1, y1) = start, end
    control = ((x0 + x1) / 2, (y0 + y1) / 2 + 2 * edge["bend"] * WIDTH)
    curve = Curve([(x0, y0), control, (x1, y1)], [Curve.MOVETO, Curve.CURVE3, Curve.CURVE3])
    axes.add_patch(PathPatch(curve, fill=False, edgecolor=colour, linestyle=line, linewidth=width))
    axes.plot(x1, y1, marker=">", color=colour, markersize=4 + width)
    t = edge["label_at"]
    x, y = ((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c for a, b, c in zip((x0, y0), control, (x1, y1), strict=True))
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}
    axes.text(x, y, _short(edge["relation"]), color=colour, fontsize=8.5, ha="center", va="center", bbox=box)


def _draw_hierarchy(graph: RelationGraph, places: dict[tuple[int, str], tuple[float, float]], axes: "Axes") -> None:
    """Dotted is-a lines from objects to their parents, outside of the arcs."""
    for (side, name), (x, y) in places.items():
        if side not in {0, 1}:
            continue
        outward = 2 * side - 1
        for parent in graph.objects[name].is_a:
            if (side, parent) in places:  # a bracket in the same column
                above, bracket = places[side, parent], x + outward * 0.95
                xs, ys = [x, bracket, bracket, x], [y - 0.12, y - 0.12, above[1] + 0.12, above[1] + 0.12]
            else:
                above = places[3 * side - 1, parent]
                xs, ys = [x, above[0]], [y, above[1]]
            axes.plot(xs, ys, ":", color="#616161", linewidth=1.0, zorder=0)


def _half_width(name: str) -> float:
    """About half the width of a box with this name, in rows."""
    return 0.06 * min(len(name), LONGEST) + 0.08


def _short(name: str) -> str:
    return shortened(name, LONGEST, "…")


def _draw_legend(axes: "Axes", used: set[str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=colour, linestyle=line, linewidth=width, label=role)
        for role, (colour, line, width) in reversed(STYLES.items())
        if role in used
    ]
    handles.append(Patch(facecolor="white", edgecolor=NODE_COLOUR, linewidth=2, label="object of an unsafe triple"))
    handles.append(Line2D([], [], color="#616161", linestyle=":", label="is-a"))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=6, frameon=False, fontsize=10)
