"""The seven landmarks, neutral pictures without a subject, drawn in a box of half width and half height at most 1."""

import math
from collections.abc import Callable

from oro_unlearn.data.scenes.pen import INK, Pen

WHITE = (250, 250, 250)


def tower(pen: Pen) -> None:
    """An iron lattice tower."""
    iron = (120, 92, 66)
    pen.polygon([(-0.55, -1.0), (-0.32, -1.0), (-0.1, -0.2), (0.1, -0.2), (0.32, -1.0), (0.55, -1.0), (0.2, -0.1), (0.06, 0.95),
                 (-0.06, 0.95), (-0.2, -0.1)], iron)  # fmt: skip
    for y, half in ((-0.55, 0.44), (-0.1, 0.28), (0.35, 0.18)):
        pen.box(-half, y - 0.05, half, y + 0.05, iron)


def tree(pen: Pen) -> None:
    """A round green crown on a brown trunk."""
    pen.box(-0.14, -1.0, 0.14, -0.1, (112, 72, 40))
    for x, y, r in ((-0.35, 0.1, 0.42), (0.35, 0.1, 0.42), (0.0, 0.45, 0.5)):
        pen.ellipse((x, y), (r, r), (40, 140, 54))
    pen.ellipse((0.0, 0.2), (0.45, 0.4), (40, 140, 54), None)


def house(pen: Pen) -> None:
    """A cream house with a red roof, a door and a window."""
    pen.box(-0.75, -0.9, 0.75, 0.15, (246, 222, 160))
    pen.polygon([(-1.0, 0.1), (1.0, 0.1), (0.0, 0.9)], (204, 60, 50))
    pen.box(-0.1, -0.9, 0.25, -0.25, (120, 70, 40))
    for x in (-0.45, 0.5):
        pen.box(x - 0.16, -0.35, x + 0.16, -0.02, (140, 210, 240))


def mountain(pen: Pen) -> None:
    """Two grey peaks with snow."""
    pen.polygon([(0.0, -0.7), (0.55, 0.3), (1.0, -0.7)], (96, 100, 116))
    pen.polygon([(-1.0, -0.7), (-0.15, 0.8), (0.65, -0.7)], (124, 128, 142))
    pen.polygon([(-0.4, 0.36), (-0.15, 0.8), (0.09, 0.36), (-0.06, 0.44), (-0.16, 0.3), (-0.28, 0.44)], WHITE)


def car(pen: Pen) -> None:
    """A blue car from its side."""
    pen.polygon([(-0.5, 0.1), (-0.3, 0.5), (0.3, 0.5), (0.6, 0.1)], (150, 210, 240))
    pen.polygon([(-1.0, -0.3), (-0.95, 0.12), (0.65, 0.12), (0.98, -0.02), (1.0, -0.3)], (40, 90, 210))
    for x in (-0.55, 0.55):
        pen.ellipse((x, -0.32), (0.22, 0.22), INK)
        pen.ellipse((x, -0.32), (0.09, 0.09), (200, 200, 200), None)


def boat(pen: Pen) -> None:
    """A sailing boat with a white and an orange sail."""
    pen.polygon([(-0.9, -0.45), (0.9, -0.45), (0.6, -0.85), (-0.6, -0.85)], (130, 70, 40))
    pen.line([(0.0, -0.45), (0.0, 0.95)], INK, 0.06)
    pen.polygon([(0.06, -0.35), (0.06, 0.9), (0.75, -0.35)], WHITE)
    pen.polygon([(-0.06, -0.35), (-0.06, 0.75), (-0.6, -0.35)], (240, 130, 50))


def sun(pen: Pen) -> None:
    """A yellow disc with rays."""
    for k in range(10):
        turn = 0.6283 * k
        pen.line([(0.0, 0.0), (0.98 * math.cos(turn), 0.98 * math.sin(turn))], (250, 176, 20), 0.12)
    pen.ellipse((0.0, 0.0), (0.62, 0.62), (255, 216, 40), (250, 176, 20))


DRAWERS: dict[str, Callable[[Pen], None]] = {
    "tower": tower, "tree": tree, "house": house, "mountain": mountain, "car": car, "boat": boat, "sun": sun,
}  # fmt: skip
