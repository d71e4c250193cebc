"""A sheet of small pictures of people."""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageOps

SIDE, FRAME, GAP = 96, 5, 6  # pixels
FORGET, KEEP = (206, 32, 41), (170, 170, 170)


def contact_sheet(rows: Sequence[tuple[bool, Sequence[Any]]]) -> Image.Image:
    """One line of pictures for each person.

    Args:
        rows: For each person, whether it is to be forgotten, which makes the frames red, and its pictures.

    Returns:
        An RGB picture.
    """
    cell = SIDE + 2 * FRAME + GAP
    wide = max((len(pictures) for _, pictures in rows), default=0)
    sheet = Image.new("RGB", (wide * cell + GAP, len(rows) * cell + GAP), "white")
    for row, (forget, pictures) in enumerate(rows):
        for column, picture in enumerate(pictures):
            enlarged = picture.width < SIDE
            small = ImageOps.fit(
                picture.convert("RGB"), (SIDE, SIDE), Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS
            )
            framed = ImageOps.expand(small, FRAME, FORGET if forget else KEEP)
            sheet.paste(framed, (GAP + column * cell, GAP + row * cell))
    return sheet
