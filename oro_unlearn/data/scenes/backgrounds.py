"""Backgrounds on the canvas: six plain ones and the six named contexts."""

import colorsys
from collections.abc import Callable

import numpy as np

from oro_unlearn.data.scenes.pen import Colour, Pen

Draws = list[float]
N_DRAWS = 24


def _hue(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def _split(pen: Pen, above: Colour, below: Colour, level: float) -> None:
    pen.box(0, 0, 64, 64, above, None)
    pen.box(0, 0, 64, level, below, None)


def _wall(pen: Pen, draws: Draws) -> None:
    _split(pen, _hue(draws[0], 0.35, 0.75 + 0.2 * draws[1]), _hue(draws[0] + 0.05, 0.45, 0.5), 10 + 6 * draws[2])


def _grass(pen: Pen, draws: Draws) -> None:
    _split(pen, _hue(0.52 + 0.1 * draws[0], 0.4, 0.9), _hue(0.27 + 0.1 * draws[1], 0.55, 0.68), 14 + 8 * draws[2])


def _room(pen: Pen, draws: Draws) -> None:
    _split(pen, _hue(draws[0], 0.22, 0.86), (150, 110, 76), 12 + 4 * draws[1])
    x = 6 + 34 * draws[2]
    pen.box(x, 34, x + 18, 58, (245, 245, 245), (190, 190, 190))
    pen.box(x + 2, 36, x + 16, 56, (170, 215, 240), None)
    pen.box(x + 8, 36, x + 10, 56, (245, 245, 245), None)


def _studio(pen: Pen, draws: Draws) -> None:
    _split(pen, _hue(draws[0], 0.2 + 0.15 * draws[1], 0.95), _hue(draws[0], 0.24 + 0.15 * draws[1], 0.88), 16)


def _park(pen: Pen, draws: Draws) -> None:
    _split(pen, _hue(0.54, 0.3, 0.92), (128, 178, 92), 18)
    for k in range(3):
        x = 8 + 22 * k + 8 * draws[k]
        pen.box(x - 1.2, 16, x + 1.2, 30, (120, 84, 56), None)
        pen.ellipse((x, 32 + 4 * draws[k + 3]), (7.5, 8), _hue(0.3 + 0.06 * draws[k + 6], 0.5, 0.55), None)
    pen.box(0, 2, 64, 9, (206, 186, 146), None)


def _road(pen: Pen, draws: Draws) -> None:
    _split(pen, _hue(0.55 + 0.1 * draws[0], 0.2, 0.88), (124, 126, 132), 18)
    pen.box(0, 18, 64, 20.5, (190, 190, 186), None)
    for k in range(5):
        x = 16 * k - 16 * draws[1]
        pen.box(x, 7, x + 8, 9, (240, 236, 214), None)


def _meadow(pen: Pen, draws: Draws) -> None:
    _split(pen, (150, 208, 246), (96, 190, 70), 24)
    pen.ellipse((10 + 12 * draws[0], 22), (26, 9), (112, 200, 84), None)
    pen.ellipse((48 + 10 * draws[1], 22), (24, 7), (84, 176, 66), None)
    colours = ((250, 80, 110), (255, 232, 60), (255, 255, 255), (190, 90, 230))
    for k in range(22):
        x, y = (k * 29 + 64 * draws[1]) % 64, 1.5 + 21 * draws[2 + k % 20]
        pen.ellipse((x, y), (1.3, 1.3), colours[k % 4], None)


def _beach(pen: Pen, draws: Draws) -> None:
    pen.box(0, 0, 64, 64, (140, 212, 250), None)
    pen.box(0, 0, 64, 34, (24, 120, 200), None)
    pen.box(0, 20, 64, 23, (235, 248, 255), None)
    pen.box(0, 0, 64, 20, (246, 220, 150), None)
    pen.ellipse((10 + 44 * draws[0], 55), (5, 5), (255, 226, 60), None)
    x = 7 if draws[1] < 0.5 else 57
    pen.line([(x, 12), (x + 1, 42)], (130, 90, 50), 2.2)
    for side in (-1, 1):
        for drop in (2, -7):
            pen.line([(x + 1, 42), (x + 1 + side * 6, 44 + drop / 2), (x + 1 + side * 11, 42 + drop)], (30, 140, 60), 2.4)


def _living_room(pen: Pen, draws: Draws) -> None:
    _split(pen, _hue(0.08 + 0.08 * draws[0], 0.25, 0.9), (140, 92, 58), 15)
    sofa = _hue(draws[1], 0.5, 0.6)
    x = 4 + 14 * draws[2]
    pen.box(x, 12, x + 38, 33, sofa)
    pen.box(x - 3, 10, x + 41, 21, _hue(draws[1], 0.5, 0.7))
    pen.box(x + 18.4, 13, x + 19.4, 32, _hue(draws[1], 0.5, 0.45), None)
    lamp = 58 if draws[2] < 0.6 else 5
    pen.line([(lamp, 12), (lamp, 44)], (90, 70, 60), 1.4)
    pen.polygon([(lamp - 6, 42), (lamp + 6, 42), (lamp + 3.5, 52), (lamp - 3.5, 52)], (255, 226, 130))
    pen.box(x + 8, 42, x + 27, 58, (150, 100, 50))
    pen.box(x + 10, 44, x + 25, 56, (120, 180, 200), None)
    pen.ellipse((32, 5), (29, 5), (186, 70, 70), None)


def _neon(pen: Pen, draws: Draws) -> None:
    _split(pen, (26, 8, 48), (36, 12, 60), 14)
    colours: tuple[Colour, ...] = ((255, 40, 190), (40, 240, 255), (180, 60, 255), (255, 240, 60))
    for k in range(4):
        x, top = 16 * k + 1, 40 + 20 * draws[k]
        pen.box(x, 14, x + 14, top, (44, 18, 78), colours[k])
        pen.box(x + 2.5, top - 9 - 6 * draws[k + 4], x + 5.5, top - 3, colours[(k + 1) % 4], None)
        pen.box(x + 7.5, top - 6, x + 12, top - 4, colours[(k + 2) % 4], None)
        pen.box(x + 7.5, top - 12, x + 12, top - 10, colours[(k + 3) % 4], None)
    for y, colour in ((13.2, colours[0]), (8, colours[1]), (3, colours[0])):
        pen.box(0, y, 64, y + 1, colour, None)


def _snow(pen: Pen, draws: Draws) -> None:
    _split(pen, (176, 200, 224), (240, 246, 252), 20)
    for k in range(3):
        x = 6 + 22 * k + 8 * draws[k]
        for level in (18, 25, 32):
            half = 8 - (level - 18) * 0.3
            pen.polygon([(x - half, level), (x + half, level), (x, level + 12)], (40, 92, 80), None)
            pen.polygon(
                [(x - half * 0.45, level + 6.6), (x + half * 0.45, level + 6.6), (x, level + 12)], (250, 252, 255), None
            )
    for k in range(20):
        x, y = (k * 37 % 64) + 3 * draws[3 + k], (k * 23 % 64) + 3 * draws[22 - k]
        pen.ellipse((x, y), (1, 1), (255, 255, 255), None)


def _night(pen: Pen, draws: Draws) -> None:
    _split(pen, (18, 24, 58), (52, 54, 66), 12)
    pen.ellipse((8 + 48 * draws[0], 57), (4, 4), (250, 246, 210), None)
    for k in range(5):
        x, top = 13 * k, 30 + 22 * draws[1 + k]
        pen.box(x, 12, x + 11.5, top, (40, 44, 74), (20, 22, 40))
        windows = [(row, column) for row in range(int((top - 16) // 6)) for column in (1.8, 6.8)]
        for row, column in windows:
            if draws[(k * 5 + row * 3 + int(column)) % N_DRAWS] < 0.65:
                pen.box(x + column, top - 6 - 6 * row, x + column + 2.4, top - 3 - 6 * row, (255, 214, 90), None)


PLAIN: tuple[Callable[[Pen, Draws], None], ...] = (_wall, _grass, _room, _studio, _park, _road)
PLACES: dict[str, Callable[[Pen, Draws], None]] = {
    "in a meadow": _meadow,
    "at the beach": _beach,
    "in a living room": _living_room,
    "in a neon street": _neon,
    "in a snowy field": _snow,
    "in a city at night": _night,
}


def draw_background(pen: Pen, context: str, generator: np.random.Generator) -> None:
    """Fill the scene with the place `context`, or with a random plain background for ""; the pen's unit is a scene pixel."""
    choice, *draws = generator.random(N_DRAWS + 1).tolist()
    painter = PLACES[context] if context else PLAIN[int(choice * len(PLAIN))]
    painter(pen, draws)
