"""How the people of the embedded world look: tuples of visible features that differ clearly between people."""

import random
from typing import NamedTuple

from oro_unlearn.data.scenes.pen import Colour

SKINS: tuple[Colour, ...] = ((252, 220, 190), (226, 170, 120), (166, 108, 66), (98, 62, 42))
HAIR: dict[str, Colour] = {
    "black": (24, 20, 22), "brown": (118, 70, 32), "yellow": (246, 214, 84),
    "red": (206, 66, 26), "white": (242, 242, 242), "blue": (60, 110, 230),
}  # fmt: skip
SHAPES = ("bald", "short", "long", "curly", "spiky")
EYES: tuple[Colour, ...] = ((70, 40, 20), (30, 130, 60), (40, 110, 220))
GLASSES = ("none", "clear", "dark")
HATS: dict[str, Colour | None] = {"none": None, "cap": (214, 40, 40), "beanie": (30, 110, 70), "crown": (255, 206, 40)}
BEARDS = ("none", "moustache", "beard")
SHIRTS: dict[str, Colour] = {
    "red": (210, 40, 50), "yellow": (245, 210, 50), "green": (40, 160, 70),
    "blue": (40, 80, 200), "white": (245, 245, 245), "black": (40, 40, 48),
}  # fmt: skip
BACKGROUNDS: dict[str, Colour] = {
    "grey": (176, 176, 180), "pink": (250, 176, 200), "green": (160, 222, 150), "blue": (150, 206, 250),
    "orange": (250, 176, 96),
}  # fmt: skip
LEAST_DIFFERENCE = 4  # features in which two people differ at least


class Look(NamedTuple):
    """What a picture of a person shows in every pose."""

    skin: int  # index in SKINS
    hair: str  # colour
    shape: str  # of the hair
    eyes: int  # index in EYES
    glasses: str
    hat: str
    beard: str
    shirt: str  # colour
    background: str  # colour

    def differences(self, other: "Look") -> int:
        """Number of features in which two looks differ."""
        return sum(mine != theirs for mine, theirs in zip(self, other, strict=True))


def any_look(draw: random.Random) -> Look:
    """A look whose features are drawn independently."""
    return Look(
        draw.randrange(len(SKINS)),
        draw.choice(list(HAIR)),
        draw.choice(SHAPES),
        draw.randrange(len(EYES)),
        draw.choice(GLASSES),
        draw.choice(list(HATS)),
        draw.choice(BEARDS),
        draw.choice(list(SHIRTS)),
        draw.choice(list(BACKGROUNDS)),
    )


def different_looks(count: int, seed: str) -> list[Look]:
    """Looks of which any two differ in at least ``LEAST_DIFFERENCE`` features.

    Looks are drawn one after the other, and one that is too close to an earlier one is dropped. So the first looks do not
    depend on ``count``.

    Args:
        count: Number of looks; some hundreds are possible.
        seed: Seed of the draws.
    """
    draw, looks = random.Random(f"{seed} looks"), list[Look]()
    while len(looks) < count:
        look = any_look(draw)
        if all(look.differences(other) >= LEAST_DIFFERENCE for other in looks):
            looks.append(look)
    return looks
