"""Draws the face of a person of the embedded world."""

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from oro_unlearn.data.personas.looks import BACKGROUNDS as BACKGROUND_COLOURS
from oro_unlearn.data.personas.looks import EYES, HAIR, HATS, SHIRTS, SKINS, Look
from oro_unlearn.data.scenes.pen import INK, Colour, Pen

CANVAS = 96  # pixels of the canvas's side; the picture is reduced from it
SCENE = 64.0  # units of the pen on the canvas's side
MOUTH: Colour = (170, 40, 50)
WHITE: Colour = (252, 252, 252)


def draw_face(look: Look, generator: np.random.Generator, size: int = 32) -> Image.Image:
    """Draw one picture of a person. Pose, size, place, light and noise vary.

    Args:
        look: What the person looks like.
        generator: Source of all variation. The same state gives the same pixels.
        size: Side of the picture in pixels.

    Returns:
        An RGB picture of ``size`` by ``size`` pixels.

    Example:
        >>> from oro_unlearn.data.personas.looks import different_looks
        >>> draw_face(different_looks(1, "0")[0], np.random.default_rng(0)).size
        (32, 32)
    """
    across, down, scale, tilt, light, mirror = generator.random(6).tolist()
    canvas = Image.new("RGB", (CANVAS, CANVAS), BACKGROUND_COLOURS[look.background])
    origin = (SCENE / 2 + 6 * (across - 0.5), SCENE / 2 + 2 + 5 * (down - 0.5))
    surface = ImageDraw.Draw(canvas)
    pen = Pen(surface, CANVAS / SCENE, origin, 17 + 3 * scale, 1 if mirror < 0.5 else -1, 14 * (tilt - 0.5))
    _body(pen, look)
    _hair_behind(pen, look)
    _head(pen, look)
    _hair_on_top(pen, look)
    _hat(pen, look)
    small = ImageEnhance.Brightness(canvas).enhance(0.82 + 0.3 * light).resize((size, size), Image.Resampling.BOX)
    pixels = np.asarray(small) + generator.normal(0, 5, (size, size, 3))
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


def _body(pen: Pen, look: Look) -> None:
    """Neck and shoulders; the unit of the pen is about the head's height from its middle to the chin."""
    pen.box(-0.28, -1.5, 0.28, -0.7, SKINS[look.skin])
    pen.polygon([(-1.5, -2.6), (-1.2, -1.5), (-0.4, -1.2), (0.4, -1.2), (1.2, -1.5), (1.5, -2.6)], SHIRTS[look.shirt])


def _hair_behind(pen: Pen, look: Look) -> None:
    """Hair behind the head: long hair reaches the shoulders, curls stand round it."""
    colour = HAIR[look.hair]
    if look.shape == "long":
        pen.polygon([(-1.0, -1.4), (-1.1, 0.5), (-0.6, 1.2), (0.6, 1.2), (1.1, 0.5), (1.0, -1.4)], colour)
    elif look.shape == "curly":
        for across, up in ((-1.0, 0.0), (-0.95, 0.55), (-0.5, 1.0), (0.0, 1.15), (0.5, 1.0), (0.95, 0.55), (1.0, 0.0)):
            pen.ellipse((across, up), (0.42, 0.42), colour, None)


def _head(pen: Pen, look: Look) -> None:
    """Head, eyes, mouth, beard and glasses."""
    hair = HAIR[look.hair]
    pen.ellipse((0, 0), (0.82, 1.0), SKINS[look.skin])
    if look.beard == "beard":
        pen.polygon(
            [(-0.8, -0.15), (-0.45, -0.3), (0.45, -0.3), (0.8, -0.15), (0.6, -0.9), (0, -1.25), (-0.6, -0.9)], hair, None
        )
    pen.ellipse((0, -0.5), (0.28, 0.1), MOUTH, None)
    if look.beard == "moustache":
        pen.polygon([(-0.5, -0.42), (-0.2, -0.2), (0.2, -0.2), (0.5, -0.42), (0, -0.38)], hair, None)
    for side in (-0.36, 0.36):
        pen.ellipse((side, 0.15), (0.24, 0.2), WHITE, None)
        pen.ellipse((side, 0.15), (0.15, 0.17), EYES[look.eyes], None)
    if look.glasses != "none":
        _glasses(pen, look.glasses == "dark")


def _glasses(pen: Pen, dark: bool) -> None:
    pen.line([(-0.85, 0.2), (0.85, 0.2)], INK, 0.1)
    for side in (-0.38, 0.38):
        if dark:
            pen.box(side - 0.33, -0.1, side + 0.33, 0.36, INK)
        else:
            corners = [(side - 0.32, -0.12), (side - 0.32, 0.4), (side + 0.32, 0.4), (side + 0.32, -0.12), (side - 0.32, -0.12)]
            pen.line(corners, INK, 0.11)


def _hair_on_top(pen: Pen, look: Look) -> None:
    """Hair over the forehead."""
    colour = HAIR[look.hair]
    if look.shape in ("short", "long", "curly"):
        pen.polygon(
            [(-0.86, 0.1), (-0.85, 0.6), (-0.45, 1.06), (0.45, 1.06), (0.85, 0.6), (0.86, 0.1), (0.55, 0.55), (-0.55, 0.55)],
            colour, None,
        )  # fmt: skip
    elif look.shape == "spiky":
        spikes = [(-0.85, 0.3), (-1.0, 0.9), (-0.6, 0.85), (-0.45, 1.45), (-0.1, 1.0), (0.1, 1.5), (0.4, 1.0), (0.75, 1.35)]
        pen.polygon([*spikes, (0.75, 0.85), (1.05, 0.8), (0.85, 0.3), (0.5, 0.6), (-0.5, 0.6)], colour)


def _hat(pen: Pen, look: Look) -> None:
    colour = HATS[look.hat]
    if colour is None:
        return
    if look.hat == "cap":
        pen.polygon(
            [(-0.9, 0.5), (-0.85, 0.95), (-0.4, 1.3), (0.4, 1.3), (0.85, 0.95), (0.9, 0.62), (1.6, 0.42), (1.5, 0.32)], colour
        )
    elif look.hat == "beanie":
        pen.polygon([(-0.88, 0.7), (-0.7, 1.25), (0, 1.5), (0.7, 1.25), (0.88, 0.7)], colour)
        pen.box(-0.95, 0.5, 0.95, 0.78, WHITE)
        pen.ellipse((0, 1.55), (0.22, 0.22), WHITE)
    else:
        points = [(-0.85, 0.6), (-0.95, 1.5), (-0.45, 1.05), (0, 1.6), (0.45, 1.05), (0.95, 1.5), (0.85, 0.6)]
        pen.polygon(points, colour)
