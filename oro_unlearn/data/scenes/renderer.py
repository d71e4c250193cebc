"""Draws a concept of the world `scenes` as a small picture; the relation shows in pose and position only."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from oro_unlearn.data.scenes import backgrounds, landmarks, things
from oro_unlearn.data.scenes.pen import Pen, Point
from oro_unlearn.data.scenes.poses import Pose, draw_streaks, neutral, pose_of
from oro_unlearn.data.scenes.styles import apply_style
from oro_unlearn.data.scenes.subjects import BODIES, HEIGHTS, draw_behind, draw_look, draw_near_arm
from oro_unlearn.user_error import UserError

SUBJECTS = ("child", "toddler", "adult", "elder", "dog", "cat", "bear", "robot")
RELATIONS = ("eating", "drinking", "holding", "next to", "pointing at", "standing on", "under", "kicking", "throwing")
THINGS = ("hamburger", "pizza", "apple", "cake", "wine", "beer", "milk", "juice", "coffee", "ball", "book", "phone", "plant")
LANDMARKS = ("tower", "tree", "house", "mountain", "car", "boat", "sun")
CONTEXTS = ("in a meadow", "at the beach", "in a living room", "in a neon street", "in a snowy field", "in a city at night")
STYLES = ("grey", "blur", "sketch", "inverted", "posterised", "swirl")
_AGENT_RELATIONS = ("next to", "pointing at", "standing on", "under")
_SCENE = 64.0


@dataclass(frozen=True)
class Layout:
    """A picture's random sizes and position: heights in scene pixels (of 64), positions as fractions of the free space."""

    subject: float
    object_size: float
    flip: int
    across: float
    down: float


def _layout(concept: tuple[str, ...], generator: np.random.Generator) -> Layout:
    """Sizes, mirror and place; the distribution does not depend on the relation (a pair of agents is smaller to fit)."""
    one, two, turn, across, down = generator.random(5).tolist()
    flip = 1 if turn < 0.5 else -1
    if len(concept) == 1:
        low, high = (34.0, 46.0) if concept[0] in SUBJECTS else (22.0, 34.0) if concept[0] in THINGS else (42.0, 56.0)
        return Layout(low + (high - low) * one, low + (high - low) * one, flip, across, down)
    if concept[2] in SUBJECTS:
        subject, thing = 24.0 + 4.0 * one, 24.0 + 4.0 * two
        return Layout(subject * HEIGHTS[concept[0]], thing * HEIGHTS[concept[2]], flip, across, down)
    return Layout((29.0 + 6.5 * one) * HEIGHTS[concept[0]], 16.0 + 6.0 * two, flip, across, down)


def render(
    concept: tuple[str, ...], generator: np.random.Generator, context: str = "", style: str = "", size: int = 64
) -> np.ndarray:
    """Draw one picture.

    Args:
        concept: (subject, relation, object), or (name,) for a subject, thing or landmark alone.
        generator: source of all variation: the same state gives the same bytes.
        context: one of `CONTEXTS`, or "" for a random plain background.
        style: one of `STYLES`, or "" for none.
        size: side of the picture in pixels.

    Returns:
        (size, size, 3) uint8.

    Raises:
        UserError: an unknown name, or a concept of another form.

    Example:
        >>> import numpy as np
        >>> from oro_unlearn.data.scenes.renderer import render
        >>> render(("child", "holding", "ball"), np.random.default_rng(0)).shape
        (64, 64, 3)
    """
    _check(concept, context, style)
    layout = _layout(concept, generator)
    zoom = 2.0 * size / _SCENE
    canvas = Image.new("RGB", (2 * size, 2 * size))
    draw = ImageDraw.Draw(canvas)
    backgrounds.draw_background(Pen(draw, zoom, (0.0, _SCENE), 1.0), context, generator)
    if len(concept) == 1:
        _draw_single(draw, zoom, concept[0], layout, generator)
    else:
        _draw_triple(draw, zoom, concept, layout, generator)
    return apply_style(_light(np.asarray(canvas.reduce(2)), generator), style, generator)


def _light(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    contrast, brightness, strength = generator.random(3, dtype=np.float32)
    noise = generator.standard_normal(pixels.shape, dtype=np.float32)
    noise *= 2.0 + 6.0 * strength
    noise += pixels * np.float32(0.85 + 0.25 * contrast) + np.float32(24.0 * brightness - 6.0)
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)


def _draw_single(draw: ImageDraw.ImageDraw, zoom: float, name: str, layout: Layout, generator: np.random.Generator) -> None:
    room = _SCENE - layout.object_size - 4
    x = _SCENE / 2 + (layout.across - 0.5) * room * 0.8
    bottom = _SCENE - 3 - layout.down * min(room, 10.0)
    if name in SUBJECTS:
        _draw_agent(Pen(draw, zoom, (x, bottom), layout.subject, layout.flip), name, neutral(BODIES[name]), generator)
        return
    half = layout.object_size / 2
    drawers = {**things.DRAWERS, **landmarks.DRAWERS}
    drawers[name](Pen(draw, zoom, (x, bottom - half), half, layout.flip))


def _draw_agent(pen: Pen, name: str, pose: Pose, generator: np.random.Generator) -> None:
    look = draw_look(name, generator)
    draw_behind(pen, name, pose, look)
    draw_near_arm(pen, name, pose, look)


def _draw_triple(
    draw: ImageDraw.ImageDraw, zoom: float, concept: tuple[str, ...], layout: Layout, generator: np.random.Generator
) -> None:
    subject, relation, other = concept
    body, half = BODIES[subject], layout.object_size / 2
    if other in SUBJECTS:
        shape = BODIES[other]
        box: Point = ((shape.front - shape.back) * half, half)
    else:
        box = (things.HALVES[other][0] * half, things.HALVES[other][1] * half)
    pose = pose_of(body, relation, (box[0] / layout.subject, box[1] / layout.subject))
    x, ground = _place(body.back, body.front, pose, box, layout)
    pen = Pen(draw, zoom, (x, ground), layout.subject, layout.flip)
    look = draw_look(subject, generator)
    draw_streaks(pen, pose)
    centre = (x + layout.flip * pose.thing[0] * layout.subject, ground - pose.thing[1] * layout.subject)
    if other in SUBJECTS:
        shape = BODIES[other]
        turn = layout.flip if generator.random() < 0.5 else -layout.flip
        middle = turn * (shape.front + shape.back) * half
        _draw_agent(Pen(draw, zoom, (centre[0] - middle, centre[1] + half), 2 * half, turn), other, neutral(shape), generator)
        draw_behind(pen, subject, pose, look)
    else:
        draw_behind(pen, subject, pose, look)
        things.DRAWERS[other](Pen(draw, zoom, centre, half, layout.flip, pose.tilt))
    draw_near_arm(pen, subject, pose, look)


def _place(back: float, front: float, pose: Pose, box: Point, layout: Layout) -> Point:
    """The subject's feet in scene coordinates, such that subject and thing are inside the picture."""
    unit = layout.subject
    wide, high = (box[1], box[0]) if pose.tilt else box
    left, right = min(back * unit, pose.thing[0] * unit - wide), max(front * unit, pose.thing[0] * unit + wide)
    low, top = min(0.0, pose.thing[1] * unit - high), max(1.02 * unit, pose.thing[1] * unit + high)
    room = max(_SCENE - 2 - (right - left), 0.0)
    start = 1 + layout.across * room - left
    x = start if layout.flip > 0 else _SCENE - start
    bottom = max(_SCENE - 1.5 - 7.0 * layout.down, min(top - low + 1.0, _SCENE - 1.0))
    return x, bottom + low


def _check(concept: tuple[str, ...], context: str, style: str) -> None:
    """Refuse unknown names."""
    if len(concept) == 1:
        _known("name", concept[0], SUBJECTS + THINGS + LANDMARKS)
    elif len(concept) == 3:
        _known("subject", concept[0], SUBJECTS)
        _known("relation", concept[1], RELATIONS)
        _known("object", concept[2], THINGS + SUBJECTS if concept[1] in _AGENT_RELATIONS else THINGS)
    else:
        raise UserError(f"concept {concept!r} is neither (name,) nor (subject, relation, object)")
    _known("context", context, ("", *CONTEXTS))
    _known("style", style, ("", *STYLES))


def _known(kind: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        raise UserError(f"unknown {kind} {name!r}; known: {', '.join(repr(known) for known in names)}")
