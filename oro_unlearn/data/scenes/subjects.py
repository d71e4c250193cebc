"""The eight subjects: their bodies and how they are drawn in a pose."""

from dataclasses import dataclass

import numpy as np

from oro_unlearn.data.scenes import heads
from oro_unlearn.data.scenes.pen import INK, Colour, Pen, Point
from oro_unlearn.data.scenes.poses import Body, Pose

SKINS: tuple[Colour, ...] = ((250, 216, 186), (232, 184, 145), (196, 140, 98), (146, 96, 62), (104, 66, 44))
CLOTHES: tuple[Colour, ...] = (
    (222, 60, 56), (240, 150, 40), (246, 214, 60), (70, 170, 80), (50, 120, 214), (150, 80, 190), (236, 120, 170),
    (60, 180, 180),
)  # fmt: skip
SUITS: tuple[Colour, ...] = ((58, 62, 92), (84, 84, 92), (44, 74, 112), (98, 70, 62))
CARDIGANS: tuple[Colour, ...] = ((146, 112, 92), (122, 132, 100), (140, 100, 130), (112, 124, 150))
HAIR: tuple[Colour, ...] = ((60, 38, 24), (30, 24, 26), (190, 140, 70), (140, 70, 36))
DOGS: tuple[Colour, ...] = ((176, 116, 62), (214, 172, 112), (122, 84, 56), (228, 214, 196))
CATS: tuple[Colour, ...] = ((240, 150, 50), (130, 130, 142), (80, 78, 92), (236, 206, 160))
BEARS: tuple[Colour, ...] = ((122, 74, 40), (100, 62, 38), (146, 94, 54))
METALS: tuple[Colour, ...] = ((168, 180, 190), (140, 160, 184), (190, 190, 182))
HEIGHTS = {
    "child": 0.93, "toddler": 0.84, "adult": 1.0, "elder": 0.96, "dog": 0.88, "cat": 0.86, "bear": 0.98, "robot": 1.0,
}  # fmt: skip


def _upright(head: Point, radius: float, shoulder: float, hip: float, torso: float, limb: float) -> Body:
    reach = 0.34
    hands = ((torso + 0.05, shoulder - 0.3), (-torso - 0.05, shoulder - 0.3))
    if shoulder < 0.5:
        hands = ((torso + 0.06, shoulder - 0.2), (-torso - 0.06, shoulder - 0.2))
    side = max(torso + 0.07, radius + 0.02)
    mouth = (head[0] + radius * 0.75, head[1] - radius * 0.42)
    feet = ((0.55 * torso + 0.02, 0.035), (-0.55 * torso - 0.02, 0.035))
    return Body(head, radius, mouth, (0.03, shoulder), (0.0, hip), torso, side, -side, limb, reach, hands, feet)


def _sitting(radius: float) -> Body:
    head = (0.14, 0.76)
    mouth = (head[0] + 0.25, head[1] - 0.1)
    hands = ((0.25, 0.04), (0.16, 0.04))
    return Body(
        head, radius, mouth, (0.16, 0.46), (-0.08, 0.16), 0.2, 0.41, -0.45, 0.1, 0.34, hands, ((0.06, 0.04), (-0.02, 0.04))
    )


BODIES: dict[str, Body] = {
    "child": _upright((0.0, 0.77), 0.2, 0.54, 0.29, 0.14, 0.1),
    "toddler": _upright((0.0, 0.66), 0.29, 0.37, 0.17, 0.17, 0.115),
    "adult": _upright((0.0, 0.85), 0.145, 0.67, 0.38, 0.14, 0.09),
    "elder": _upright((0.04, 0.8), 0.17, 0.59, 0.33, 0.15, 0.095),
    "dog": _sitting(0.17),
    "cat": _sitting(0.185),
    "bear": _upright((0.0, 0.77), 0.2, 0.52, 0.24, 0.2, 0.13),
    "robot": _upright((0.0, 0.78), 0.18, 0.54, 0.27, 0.17, 0.085),
}


@dataclass(frozen=True)
class Look:
    """A subject's colours."""

    skin: Colour
    cloth: Colour
    legs: Colour
    hair: Colour


def _pick(colours: tuple[Colour, ...], draw: float) -> Colour:
    return colours[int(draw * len(colours))]


def draw_look(name: str, generator: np.random.Generator) -> Look:
    """Random colours for subject `name`; always draws four numbers."""
    one, two, three, four = generator.random(4).tolist()
    fur = {"dog": DOGS, "cat": CATS, "bear": BEARS, "robot": METALS}.get(name)
    if fur:
        colour = _pick(fur, one)
        return Look(colour, colour, colour, _pick(CLOTHES, two))
    cloth = _pick({"adult": SUITS, "elder": CARDIGANS}.get(name, CLOTHES), two)
    legs = {"adult": cloth, "elder": (92, 86, 90)}.get(name, _pick(((44, 70, 140), (120, 84, 52), (70, 80, 90)), three))
    skin = _pick(SKINS, one)
    return Look(skin, cloth, skin if name == "toddler" else legs, _pick(HAIR, four))


def draw_behind(pen: Pen, name: str, pose: Pose, look: Look) -> None:
    """Draw a subject without its near arm, which is drawn over the thing later.

    Args:
        pen: a pen at the subject's feet, its scale the subject's height.
        name: one of `BODIES`.
        pose: where its parts are.
        look: its colours.
    """
    body = BODIES[name]
    sleeve = look.skin if name == "toddler" else look.cloth
    pen.limb([(body.shoulder[0] - 0.04, body.shoulder[1]), *pose.hands[1]], _shade(sleeve), body.limb, _shade(look.skin))
    if name in ("dog", "cat"):
        _pet(pen, name, body, pose, look)
    else:
        _person(pen, name, body, pose, look)
    heads.DRAWERS[name](pen, body, look, pose.open_mouth)


def draw_near_arm(pen: Pen, name: str, pose: Pose, look: Look) -> None:
    """Draw the near arm or front paw, with the finger of a pointing hand."""
    body = BODIES[name]
    sleeve = look.skin if name == "toddler" else look.cloth
    if pose.finger:
        pen.limb([pose.hands[0][-1], pose.finger], look.skin, body.limb * 0.55, look.skin)
    start = (body.shoulder[0] + 0.01, body.shoulder[1])
    pen.limb([start, *pose.hands[0]], sleeve, body.limb, look.skin)


def _shade(colour: Colour) -> Colour:
    return (colour[0] * 4 // 5, colour[1] * 4 // 5, colour[2] * 4 // 5)


def _person(pen: Pen, name: str, body: Body, pose: Pose, look: Look) -> None:
    (x, hip), (_, shoulder), wide = body.hip, body.shoulder, body.torso
    shoe = look.skin if name in ("toddler", "bear") else (70, 74, 84) if name == "robot" else (48, 36, 32)
    for foot, side in ((pose.feet[1], -1), (pose.feet[0], 1)):
        pen.limb([(x + side * wide * 0.5, hip + 0.02), foot], look.legs, body.limb * 1.1, shoe)
    if name == "bear":
        pen.ellipse((0.0, 0.4), (wide + 0.04, 0.25), look.cloth)
        pen.ellipse((0.03, 0.38), (wide - 0.05, 0.17), (206, 164, 112), None)
        return
    top = shoulder + 0.06
    pen.polygon([(-wide, hip - 0.03), (wide, hip - 0.03), (wide * 0.85, top), (-wide * 0.85, top)], look.cloth)
    if name == "toddler":
        edge, rim = wide + 0.02, hip + 0.08
        pen.polygon([(-edge, rim), (edge, rim), (wide, hip - 0.05), (0, hip - 0.12), (-wide, hip - 0.05)], (250, 250, 250))
    elif name == "adult":
        pen.polygon([(-0.05, top), (0.09, top), (0.02, top - 0.16)], (250, 250, 250), None)
        pen.polygon([(0.0, top), (0.05, top), (0.06, top - 0.2), (0.02, top - 0.25), (-0.02, top - 0.2)], (214, 30, 40), None)
    elif name == "elder":
        pen.line([(-0.24, 0.0), (-0.22, 0.4), (-0.17, 0.44)], (110, 66, 30), 0.05)
    elif name == "robot":
        pen.box(-wide * 0.6, hip + 0.07, wide * 0.6, shoulder - 0.02, (60, 70, 84))
        pen.ellipse((-0.04, hip + 0.14), (0.035, 0.035), (240, 70, 60), None)
        pen.ellipse((0.05, hip + 0.14), (0.035, 0.035), (90, 230, 120), None)


def _pet(pen: Pen, name: str, body: Body, pose: Pose, look: Look) -> None:
    tail = [(-0.24, 0.1), (-0.38, 0.2), (-0.36, 0.34)]
    if name == "cat":
        tail = [(-0.24, 0.08), (-0.4, 0.2), (-0.3, 0.42), (-0.4, 0.56)]
    pen.line(tail, INK, 0.12)
    pen.line(tail, look.cloth, 0.085)
    pen.polygon([(-0.3, 0.06), (0.16, 0.08), (0.26, 0.4), (0.22, 0.66), (0.02, 0.66), (-0.22, 0.36)], look.cloth)
    if name == "cat":
        for rise in (0.0, 0.1, 0.2):
            stripe = [(-0.22 + rise, 0.3 + rise), (-0.04 + rise / 2, 0.27 + rise)]
            pen.line(stripe, _shade(_shade(look.cloth)), 0.035)
    else:
        pen.line([(0.03, 0.58), (0.24, 0.56)], look.hair, 0.07)
    pen.ellipse((-0.12, 0.19), (0.2, 0.18), look.cloth)
    for foot in (pose.feet[1], pose.feet[0]):
        pen.limb([body.hip, foot] if foot[0] > 0.2 else [(foot[0] - 0.14, 0.05), foot], look.cloth, body.limb, look.skin)
