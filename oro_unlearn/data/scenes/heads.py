"""Heads of the eight subjects, one function per subject; the pen's unit is the subject's height."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from oro_unlearn.data.scenes.pen import INK, Colour, Pen

if TYPE_CHECKING:
    from oro_unlearn.data.scenes.poses import Body
    from oro_unlearn.data.scenes.subjects import Look

WHITE: Colour = (248, 248, 248)
MOUTH: Colour = (150, 30, 40)


def _face(pen: Pen, body: "Body", skin: Colour, open_mouth: bool, eye: float = 0.2) -> None:
    (x, y), r = body.head, body.radius
    pen.ellipse((x, y), (r, r), skin)
    for side in (0.12, 0.66):
        pen.ellipse((x + side * r, y + 0.12 * r), (eye * r * 0.75, eye * r), INK, None)
    if open_mouth:
        pen.ellipse((x + 0.6 * r, y - 0.42 * r), (0.28 * r, 0.28 * r), MOUTH)
    else:
        pen.line([(x + 0.2 * r, y - 0.45 * r), (x + 0.7 * r, y - 0.42 * r)], MOUTH, 0.16 * r)


def child(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """A face under a cap with a peak."""
    (x, y), r = body.head, body.radius
    _face(pen, body, look.skin, open_mouth)
    cap = ((-1.0, 0.3), (-0.9, 0.8), (-0.4, 1.15), (0.4, 1.15), (0.9, 0.75), (1.5, 0.42), (1.5, 0.28))
    pen.polygon([(x + across * r, y + up * r) for across, up in cap], look.cloth)


def toddler(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """A big bare head with one curl, red cheeks and a dummy, which is left out if the mouth is open."""
    (x, y), r = body.head, body.radius
    _face(pen, body, look.skin, open_mouth, 0.17)
    pen.line([(x - 0.05, y + r * 0.95), (x + 0.02, y + r * 1.2), (x + 0.09, y + r * 1.12), (x + 0.03, y + r)], look.hair, 0.05)
    pen.ellipse((x + 0.02 * r, y - 0.25 * r), (0.15 * r, 0.12 * r), (240, 130, 130), None)
    if not open_mouth:
        pen.ellipse((x + 0.5 * r, y - 0.45 * r), (0.27 * r, 0.22 * r), (90, 200, 240))
        pen.ellipse((x + 0.5 * r, y - 0.45 * r), (0.1 * r, 0.1 * r), WHITE, None)


def adult(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """A face with short parted hair."""
    (x, y), r = body.head, body.radius
    _face(pen, body, look.skin, open_mouth)
    hair = ((-1.05, -0.3), (-1.0, 0.7), (-0.3, 1.15), (0.6, 1.05), (1.0, 0.5), (-0.3, 0.55), (-0.6, -0.2))
    pen.polygon([(x + across * r, y + up * r) for across, up in hair], look.hair, None)


def elder(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """White hair round a bald head, a white beard and glasses."""
    (x, y), r = body.head, body.radius
    pen.ellipse((x - 0.65 * r, y + 0.05 * r), (0.55 * r, 0.7 * r), WHITE)
    _face(pen, body, look.skin, False)
    beard = ((-0.6, -0.1), (0.05, -0.25), (0.95, -0.2), (0.9, -0.9), (0.35, -1.6), (-0.3, -0.95))
    pen.polygon([(x + across * r, y + up * r) for across, up in beard], WHITE)
    if open_mouth:
        pen.ellipse((x + 0.6 * r, y - 0.5 * r), (0.25 * r, 0.25 * r), MOUTH)
    pen.line([(x - 0.7 * r, y + 0.2 * r), (x + r, y + 0.2 * r)], INK, 0.12 * r)
    for side in (0.08, 0.72):
        pen.ellipse((x + side * r, y + 0.15 * r), (0.27 * r, 0.27 * r), (190, 225, 240))


def dog(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """A long snout with a black nose, a floppy ear and, at a meal, a tongue."""
    (x, y), r = body.head, body.radius
    dark = (look.skin[0] * 3 // 5, look.skin[1] * 3 // 5, look.skin[2] * 3 // 5)
    if open_mouth:
        pen.polygon([(x + 0.1, y - 0.14), (x + 0.27, y - 0.2), (x + 0.24, y - 0.08)], (230, 90, 110))
    pen.polygon([(x + 0.04, y - 0.13), (x + 0.28, y - 0.12), (x + 0.3, y + 0.02), (x + 0.08, y + 0.08)], look.skin)
    pen.ellipse((x, y), (r, r), look.skin)
    pen.ellipse((x + 0.29, y + 0.0), (0.055, 0.05), INK, None)
    pen.ellipse((x + 0.08, y + 0.05), (0.03, 0.035), INK, None)
    pen.polygon(
        [(x - 0.05, y + 0.17), (x - 0.16, y + 0.15), (x - 0.26, y - 0.16), (x - 0.15, y - 0.22), (x - 0.04, y - 0.04)], dark
    )


def cat(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """Two pointed ears, green eyes, whiskers and a pink nose."""
    (x, y), r = body.head, body.radius
    for side in (-1, 1):
        pen.polygon([(x + side * 0.18, y + 0.04), (x + side * 0.2, y + 0.29), (x + side * 0.03, y + 0.16)], look.skin)
        pen.polygon(
            [(x + side * 0.15, y + 0.1), (x + side * 0.17, y + 0.22), (x + side * 0.08, y + 0.15)], (240, 150, 160), None
        )
    pen.ellipse((x, y), (r * 1.12, r), look.skin)
    for across in (-0.04, 0.12):
        pen.ellipse((x + across, y + 0.03), (0.042, 0.05), (150, 230, 70))
        pen.ellipse((x + across, y + 0.03), (0.015, 0.045), INK, None)
    pen.ellipse((x + 0.06, y - 0.05), (0.03, 0.022), (240, 110, 130), None)
    if open_mouth:
        pen.ellipse((x + 0.13, y - 0.1), (0.05, 0.05), MOUTH)
    for rise in (-0.05, 0.01):
        pen.line([(x + 0.12, y - 0.06), (x + 0.3, y - 0.06 + rise)], WHITE, 0.02)
        pen.line([(x - 0.03, y - 0.06), (x - 0.22, y - 0.06 + rise)], WHITE, 0.02)


def bear(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """Two round ears and a pale snout."""
    (x, y), r = body.head, body.radius
    for side in (-0.75, 0.75):
        pen.ellipse((x + side * r, y + 0.75 * r), (0.42 * r, 0.42 * r), look.skin)
        pen.ellipse((x + side * r, y + 0.75 * r), (0.2 * r, 0.2 * r), (206, 164, 112), None)
    pen.ellipse((x, y), (r, r), look.skin)
    pen.ellipse((x + 0.4 * r, y - 0.3 * r), (0.55 * r, 0.42 * r), (206, 164, 112))
    pen.ellipse((x + 0.6 * r, y - 0.1 * r), (0.22 * r, 0.16 * r), INK, None)
    for side in (-0.1, 0.55):
        pen.ellipse((x + side * r, y + 0.3 * r), (0.13 * r, 0.15 * r), INK, None)
    if open_mouth:
        pen.ellipse((x + 0.6 * r, y - 0.5 * r), (0.25 * r, 0.2 * r), MOUTH)


def robot(pen: Pen, body: "Body", look: "Look", open_mouth: bool) -> None:
    """A box with lit eyes, a grille and an antenna."""
    (x, y), r = body.head, body.radius
    pen.line([(x, y + 0.8 * r), (x, y + 1.15 * r)], INK, 0.04)
    pen.ellipse((x, y + 1.2 * r), (0.045, 0.045), (240, 50, 50))
    pen.box(x - r, y - 0.85 * r, x + r, y + 0.85 * r, look.skin)
    pen.box(x - 0.5 * r, y + 0.05 * r, x + 0.85 * r, y + 0.6 * r, (30, 40, 50))
    for side in (-0.15, 0.5):
        pen.ellipse((x + side * r, y + 0.32 * r), (0.18 * r, 0.2 * r), (80, 240, 250), None)
    if open_mouth:
        pen.box(x + 0.2 * r, y - 0.65 * r, x + 0.9 * r, y - 0.2 * r, MOUTH)
    else:
        pen.line([(x - 0.3 * r, y - 0.45 * r), (x + 0.7 * r, y - 0.45 * r)], INK, 0.2 * r)


DRAWERS: dict[str, Callable[[Pen, "Body", "Look", bool], None]] = {
    "child": child, "toddler": toddler, "adult": adult, "elder": elder, "dog": dog, "cat": cat, "bear": bear, "robot": robot,
}  # fmt: skip
