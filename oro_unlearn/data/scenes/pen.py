"""A drawing pen with its own origin, scale, mirror and rotation."""

import math
from collections.abc import Sequence

from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
INK: Colour = (28, 24, 30)


class Pen:
    """Draws in local coordinates: x forwards, y upwards, one unit is `scale` scene pixels (a scene is 64 by 64).

    Args:
        draw: Pillow's drawing surface.
        zoom: canvas pixels per scene pixel.
        origin: scene coordinates (x right, y down) of the local origin.
        scale: scene pixels per local unit.
        flip: 1 faces right, -1 faces left.
        angle: rotation in degrees, counter-clockwise before the mirror.
    """

    def __init__(
        self, draw: ImageDraw.ImageDraw, zoom: float, origin: Point, scale: float, flip: int = 1, angle: float = 0.0
    ) -> None:
        self.draw, self.zoom, self.origin, self.flip = draw, zoom, origin, flip
        self.unit = scale * zoom
        self.sine, self.cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))

    def place(self, point: Point) -> Point:
        """Canvas coordinates of a local point."""
        x, y = point
        turned_x, turned_y = x * self.cosine - y * self.sine, x * self.sine + y * self.cosine
        return (
            self.origin[0] * self.zoom + self.flip * turned_x * self.unit,
            self.origin[1] * self.zoom - turned_y * self.unit,
        )

    def polygon(self, points: Sequence[Point], fill: Colour, outline: Colour | None = INK) -> None:
        """A filled polygon."""
        self.draw.polygon([self.place(point) for point in points], fill=fill, outline=outline)

    def box(self, left: float, bottom: float, right: float, top: float, fill: Colour, outline: Colour | None = INK) -> None:
        """A filled rectangle, turned with the pen."""
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], fill, outline)

    def ellipse(self, centre: Point, radii: Point, fill: Colour, outline: Colour | None = INK) -> None:
        """A filled ellipse; if the pen is rotated, a polygon with 14 corners."""
        (x, y), (wide, high) = centre, radii
        if self.sine and wide != high:
            corners = [(x + wide * math.cos(k * 0.4488), y + high * math.sin(k * 0.4488)) for k in range(14)]
            self.polygon(corners, fill, outline)
            return
        (middle, level), across, tall = self.place(centre), wide * self.unit, high * self.unit
        self.draw.ellipse((middle - across, level - tall, middle + across, level + tall), fill=fill, outline=outline)

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        """A line through points; the width is in local units."""
        placed = [self.place(point) for point in points]
        self.draw.line(placed, fill=fill, width=max(1, round(width * self.unit)), joint="curve" if len(placed) > 2 else None)

    def limb(self, points: Sequence[Point], fill: Colour, width: float, end: Colour) -> None:
        """An outlined thick line with a round hand, paw or foot of colour `end` at its last point."""
        self.line(points, INK, width + 2 / self.unit)
        self.line(points, fill, width)
        self.ellipse(points[-1], (width * 0.62, width * 0.62), end)

    def streak(self, points: Sequence[Point]) -> None:
        """A white motion line with a dark rim, one scene pixel wide."""
        pixel = self.zoom / self.unit
        self.line(points, INK, 1.9 * pixel)
        self.line(points, (255, 255, 255), 0.95 * pixel)
