"""Positions of hands, feet and thing in each relation, in units of the subject's height; feet at y = 0, facing right."""

import math
from dataclasses import dataclass, field

from oro_unlearn.data.scenes.pen import Pen, Point


@dataclass(frozen=True)
class Body:
    """Positions of a subject's parts at rest, in units of its height."""

    head: Point
    radius: float
    mouth: Point
    shoulder: Point
    hip: Point
    torso: float
    front: float
    back: float
    limb: float
    reach: float
    hands: tuple[Point, Point]
    feet: tuple[Point, Point]


@dataclass(frozen=True)
class Pose:
    """A subject's hands (near, far), feet (near, far), mouth and finger, and the thing's centre and tilt in degrees."""

    hands: tuple[tuple[Point, ...], tuple[Point, ...]]
    feet: tuple[Point, Point]
    open_mouth: bool = False
    finger: Point | None = None
    thing: Point = (0.0, 0.0)
    tilt: float = 0.0
    streaks: list[list[Point]] = field(default_factory=list)


def neutral(body: Body) -> Pose:
    """The pose of a subject that does nothing."""
    return Pose(((body.hands[0],), (body.hands[1],)), body.feet)


def pose_of(body: Body, relation: str, half: Point) -> Pose:
    """The pose of `relation` with a thing whose half width and half height are `half`, in units of the subject's height."""
    wide, high = half
    rest = neutral(body)
    if relation == "next to":
        return Pose(rest.hands, rest.feet, thing=(body.front + 0.1 + wide, high))
    if relation == "standing on":
        return Pose(rest.hands, rest.feet, thing=((body.front + body.back) / 2, -high))
    if relation == "under":
        return Pose(rest.hands, rest.feet, thing=((body.front + body.back) / 2, 1.14 + high))
    makers = {"eating": _eat, "drinking": _drink, "holding": _hold, "pointing at": _point, "kicking": _kick, "throwing": _throw}
    return makers[relation](body, wide, high)


def _eat(body: Body, wide: float, high: float) -> Pose:
    x, y = body.mouth[0] + 0.8 * wide, body.mouth[1] - 0.03
    low = y - 0.75 * high
    elbow = (body.shoulder[0] + 0.12, body.shoulder[1] - 0.14)
    hands = ((elbow, (x - 0.25 * wide, low)), ((x + 0.5 * wide, low),))
    crumbs = [[(x - wide + 0.04 * k, low - 0.05 - 0.05 * (k % 2)), (x - wide + 0.04 * k + 0.012, low - 0.06)] for k in (0, 2)]
    return Pose(hands, body.feet, True, thing=(x, y), streaks=crumbs)


def _drink(body: Body, wide: float, high: float) -> Pose:
    angle = 62.0
    x = body.mouth[0] + 0.95 * high * math.sin(math.radians(angle))
    y = body.mouth[1] - 0.8 * high * math.cos(math.radians(angle)) + 0.02
    elbow = (body.shoulder[0] + 0.16, body.shoulder[1] - 0.12)
    return Pose(((elbow, (x, y - 0.8 * wide)), (body.hands[1],)), body.feet, True, thing=(x, y), tilt=angle)


def _hold(body: Body, wide: float, high: float) -> Pose:
    hand = (body.shoulder[0] + body.reach, max(body.shoulder[1] - 0.18, 0.34))
    return Pose(((hand,), (body.hands[1],)), body.feet, thing=(hand[0] + 0.75 * wide, hand[1] + 0.55 * high))


def _point(body: Body, wide: float, high: float) -> Pose:
    hand = (body.shoulder[0] + body.reach * 1.15, body.shoulder[1] + 0.05)
    finger = (hand[0] + 0.15, hand[1] + 0.01)
    return Pose(((hand,), (body.hands[1],)), body.feet, finger=finger, thing=(max(body.front + 0.5, finger[0]) + wide, high))


def _kick(body: Body, wide: float, high: float) -> Pose:
    foot = (max(body.hip[0] + 0.46, body.front + 0.08), max(0.13, body.hip[1] - 0.16))
    hands = (((body.shoulder[0] - 0.26, body.shoulder[1] - 0.06),), ((body.shoulder[0] + 0.2, body.shoulder[1] + 0.16),))
    x = foot[0] + 0.06 + wide
    start = (foot[0] - 0.02, foot[1] + 0.1)
    streaks = [[start, (start[0] + 0.1 * k, start[1] + 0.16 - 0.03 * abs(k))] for k in (-1, 0, 1)]
    streaks.append([(foot[0] - 0.2, 0.0), (foot[0] - 0.08, 0.01), (foot[0] + 0.02, 0.05)])
    return Pose(hands, (foot, body.feet[1]), thing=(x, high), streaks=streaks)


def _throw(body: Body, wide: float, high: float) -> Pose:
    hand = (body.shoulder[0] + 0.2, body.shoulder[1] + max(0.42, body.reach * 1.1))
    x, y = hand[0] + 0.32 + wide, 0.95
    streaks = []
    for k in (-1, 0, 1):
        start, end = (hand[0] + 0.08, hand[1] + 0.09 * k), (x - wide - 0.02, y + 0.5 * high * k)
        streaks.append([start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.08), end])
    hands = ((hand,), (body.shoulder[0] - 0.24, body.shoulder[1] - 0.12))
    return Pose((hands[0], (hands[1],)), body.feet, thing=(x, y), streaks=streaks)


def draw_streaks(pen: Pen, pose: Pose) -> None:
    """Motion lines of a kick or a throw, and crumbs of a meal."""
    for streak in pose.streaks:
        pen.streak(streak)
