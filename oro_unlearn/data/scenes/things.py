"""The thirteen things, drawn in a box of half width and half height at most 1 round the origin."""

from collections.abc import Callable

from oro_unlearn.data.scenes.pen import INK, Colour, Pen, Point

WHITE: Colour = (250, 250, 250)
HALVES: dict[str, Point] = {
    "hamburger": (1.0, 0.8), "pizza": (0.85, 1.0), "apple": (0.9, 1.0), "cake": (0.95, 0.95), "wine": (0.6, 1.0),
    "beer": (0.85, 0.95), "milk": (0.55, 1.0), "juice": (0.65, 1.0), "coffee": (1.0, 0.85), "ball": (0.95, 0.95),
    "book": (1.0, 0.7), "phone": (0.55, 1.0), "plant": (0.85, 1.0),
}  # fmt: skip


def hamburger(pen: Pen) -> None:
    """A seeded bun, lettuce, tomato and meat."""
    pen.box(-0.88, -0.8, 0.88, -0.42, (226, 158, 74))
    pen.box(-1.0, -0.45, 1.0, -0.12, (96, 52, 30))
    pen.box(-0.98, -0.14, 0.98, 0.04, (250, 206, 50), None)
    pen.box(-1.0, 0.0, 1.0, 0.2, (90, 190, 60), None)
    pen.polygon([(-0.95, 0.16), (0.95, 0.16), (0.85, 0.55), (0.45, 0.8), (-0.45, 0.8), (-0.85, 0.55)], (230, 160, 76))
    for x in (-0.4, 0.05, 0.45):
        pen.ellipse((x, 0.55), (0.1, 0.1), (255, 236, 190), None)


def pizza(pen: Pen) -> None:
    """A slice, point down, with salami."""
    pen.polygon([(-0.85, 0.75), (0.85, 0.75), (0.0, -1.0)], (250, 208, 80))
    pen.polygon([(-0.85, 0.7), (-0.75, 1.0), (0.75, 1.0), (0.85, 0.7)], (200, 124, 52))
    for x, y in ((-0.36, 0.42), (0.32, 0.36), (0.0, -0.22)):
        pen.ellipse((x, y), (0.21, 0.21), (210, 44, 36), None)


def apple(pen: Pen) -> None:
    """A red apple with a leaf."""
    pen.ellipse((-0.32, -0.15), (0.58, 0.8), (214, 30, 44))
    pen.ellipse((0.32, -0.15), (0.58, 0.8), (214, 30, 44))
    pen.box(-0.5, -0.75, 0.5, 0.4, (214, 30, 44), None)
    pen.ellipse((-0.45, 0.2), (0.16, 0.16), (255, 150, 150), None)
    pen.line([(0.0, 0.45), (0.08, 0.95)], (90, 56, 30), 0.16)
    pen.polygon([(0.1, 0.65), (0.4, 1.0), (0.8, 0.9), (0.5, 0.62)], (70, 180, 60))


def cake(pen: Pen) -> None:
    """A pink layered slice with a lit candle."""
    pen.box(-0.95, -0.95, 0.95, 0.3, (250, 226, 170))
    pen.box(-0.95, -0.5, 0.95, -0.25, (226, 70, 110), None)
    icing = [(-0.95, 0.35), (0.95, 0.35), (0.95, 0.0), (0.6, -0.15), (0.3, 0.02), (0.0, -0.15), (-0.4, 0.02), (-0.95, -0.1)]
    pen.polygon(icing, (255, 150, 196))
    pen.box(-0.1, 0.35, 0.1, 0.72, (90, 150, 240))
    pen.ellipse((0.0, 0.84), (0.14, 0.14), (255, 190, 40), None)


def wine(pen: Pen) -> None:
    """A stemmed glass of red wine."""
    pen.line([(0.0, -0.1), (0.0, -0.9)], INK, 0.26)
    pen.line([(0.0, -0.1), (0.0, -0.9)], (225, 235, 245), 0.13)
    pen.box(-0.5, -1.0, 0.5, -0.85, (225, 235, 245))
    pen.polygon(
        [(-0.5, 1.0), (0.5, 1.0), (0.6, 0.45), (0.35, -0.05), (0.0, -0.2), (-0.35, -0.05), (-0.6, 0.45)], (225, 235, 245)
    )
    pen.polygon(
        [(-0.55, 0.65), (0.55, 0.65), (0.56, 0.42), (0.32, 0.0), (0.0, -0.12), (-0.32, 0.0), (-0.56, 0.42)], (136, 12, 48)
    )


def beer(pen: Pen) -> None:
    """A wide mug with a handle and thick foam."""
    pen.ellipse((0.5, -0.15), (0.35, 0.45), (235, 240, 245))
    pen.ellipse((0.5, -0.15), (0.17, 0.26), (120, 110, 100), None)
    pen.box(-0.75, -0.95, 0.5, 0.5, (236, 168, 24))
    for x in (-0.45, -0.12, 0.2):
        pen.line([(x, -0.75), (x, 0.2)], (255, 214, 96), 0.12)
    pen.box(-0.85, 0.35, 0.6, 0.75, WHITE)
    for x in (-0.58, -0.12, 0.34):
        pen.ellipse((x, 0.68), (0.26, 0.26), WHITE, None)


def milk(pen: Pen) -> None:
    """A tall white carton with a gable and a blue band."""
    pen.box(-0.55, -1.0, 0.55, 0.45, WHITE)
    pen.box(-0.55, -0.7, 0.55, -0.1, (50, 130, 230), None)
    pen.ellipse((0.0, -0.4), (0.2, 0.2), WHITE, None)
    pen.polygon([(-0.55, 0.45), (0.55, 0.45), (0.3, 0.82), (-0.3, 0.82)], (206, 222, 240))
    pen.box(-0.36, 0.8, 0.36, 1.0, (50, 130, 230))


def juice(pen: Pen) -> None:
    """A tapered orange glass with a green straw and a slice of orange."""
    pen.line([(0.05, 0.2), (0.35, 1.0)], INK, 0.24)
    pen.line([(0.05, 0.2), (0.35, 1.0)], (60, 210, 90), 0.15)
    pen.polygon([(-0.55, 0.6), (0.5, 0.6), (0.3, -1.0), (-0.35, -1.0)], (230, 240, 250))
    pen.polygon([(-0.5, 0.35), (0.46, 0.35), (0.28, -0.92), (-0.33, -0.92)], (255, 104, 10), None)
    pen.ellipse((-0.4, 0.6), (0.3, 0.3), (255, 150, 30))
    pen.ellipse((-0.4, 0.6), (0.12, 0.12), (255, 230, 130), None)


def coffee(pen: Pen) -> None:
    """A low round cup on a saucer, with steam."""
    pen.ellipse((0.66, -0.15), (0.3, 0.28), (120, 220, 200))
    pen.ellipse((0.66, -0.15), (0.13, 0.12), (90, 110, 110), None)
    pen.polygon([(-0.65, 0.25), (0.65, 0.25), (0.5, -0.5), (0.25, -0.7), (-0.25, -0.7), (-0.5, -0.5)], (120, 220, 200))
    pen.ellipse((0.0, 0.25), (0.65, 0.18), (84, 44, 20))
    pen.ellipse((0.0, -0.73), (0.95, 0.12), (245, 245, 245))
    for x in (-0.28, 0.18):
        pen.line([(x, 0.4), (x + 0.14, 0.56), (x - 0.02, 0.7), (x + 0.1, 0.85)], WHITE, 0.13)


def ball(pen: Pen) -> None:
    """A beach ball of red, white, blue and yellow panels."""
    pen.ellipse((0.0, 0.0), (0.95, 0.95), WHITE)
    panels = ((230, 40, 40), (40, 90, 220), (250, 210, 40))
    corners = ((0.0, 0.92), (0.48, 0.8), (0.82, 0.42), (0.92, 0.0), (0.8, -0.46), (0.46, -0.8), (0.0, -0.92), (-0.46, -0.8),
               (-0.8, -0.46), (-0.92, 0.0), (-0.8, 0.46), (-0.46, 0.8))  # fmt: skip
    for k, colour in enumerate(panels):
        pen.polygon([(0.0, 0.0), corners[4 * k], corners[4 * k + 1], corners[4 * k + 2]], colour, None)
    pen.ellipse((0.0, 0.0), (0.16, 0.16), WHITE)


def book(pen: Pen) -> None:
    """An open book with a brown cover and printed lines."""
    pen.polygon([(-1.0, 0.62), (0.0, 0.4), (1.0, 0.62), (1.0, -0.5), (0.0, -0.7), (-1.0, -0.5)], (150, 60, 30))
    pen.polygon([(-0.86, 0.7), (-0.4, 0.68), (0.0, 0.48), (0.0, -0.5), (-0.86, -0.34)], (250, 238, 196))
    pen.polygon([(0.86, 0.7), (0.4, 0.68), (0.0, 0.48), (0.0, -0.5), (0.86, -0.34)], (250, 238, 196))
    for y in (0.38, 0.12, -0.14):
        pen.line([(-0.72, y), (-0.18, y - 0.1)], (90, 80, 80), 0.1)
        pen.line([(0.72, y), (0.18, y - 0.1)], (90, 80, 80), 0.1)


def phone(pen: Pen) -> None:
    """A dark smartphone with a lit screen of icons."""
    pen.box(-0.55, -1.0, 0.55, 1.0, (30, 30, 36), (210, 210, 216))
    pen.box(-0.42, -0.7, 0.42, 0.76, (90, 220, 255), None)
    for x, y, colour in (
        (-0.2, 0.45, (250, 80, 80)),
        (0.2, 0.45, (255, 220, 60)),
        (-0.2, 0.05, (80, 200, 90)),
        (0.2, 0.05, WHITE),
    ):
        pen.box(x - 0.14, y - 0.14, x + 0.14, y + 0.14, colour, None)
    pen.ellipse((0.0, -0.85), (0.09, 0.09), WHITE, None)


def plant(pen: Pen) -> None:
    """Green leaves in a clay pot."""
    for tip, side in (
        ((-0.85, 0.55), -0.3),
        ((0.85, 0.55), 0.3),
        ((-0.45, 0.95), -0.2),
        ((0.45, 0.95), 0.2),
        ((0.0, 1.0), 0.0),
    ):
        middle = ((tip[0] + side) / 2, (tip[1] - 0.2) / 2)
        pen.polygon(
            [(0.0, -0.3), (middle[0] - 0.18, middle[1] + 0.12), tip, (middle[0] + 0.18, middle[1] - 0.02)], (40, 160, 60)
        )
    pen.polygon([(-0.5, -0.25), (0.5, -0.25), (0.36, -1.0), (-0.36, -1.0)], (196, 92, 52))
    pen.box(-0.58, -0.42, 0.58, -0.18, (216, 112, 68))


DRAWERS: dict[str, Callable[[Pen], None]] = {
    "hamburger": hamburger, "pizza": pizza, "apple": apple, "cake": cake, "wine": wine, "beer": beer, "milk": milk,
    "juice": juice, "coffee": coffee, "ball": ball, "book": book, "phone": phone, "plant": plant,
}  # fmt: skip
