"""A class name that is drawn on images: a hint that a model may read."""

import torch
from torch import Tensor, nn

from oro_unlearn.attacks.classes.patches import Marked, called
from oro_unlearn.attacks.classes.pixels import PixelRange
from oro_unlearn.attacks.fine_tuning import Images

BAND = 0.25  # of the height that the text takes
SIZE = 32  # of the font before the text is fitted, in pixels


def drawn(name: str, height: int, width: int) -> Tensor:
    """A name as a picture: 0 is background, 1 is ink.

    Args:
        name: The name; one without printable characters gives an empty picture.
        height: Largest height of the text, in pixels.
        width: Largest width of the text, in pixels.

    Returns:
        (h, w) in [0, 1], with h at most ``height`` and w at most ``width``, and the proportions of the text.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(SIZE)
    left, top, right, bottom = (round(end) for end in ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), name, font=font))
    if right <= left or bottom <= top:
        return torch.zeros(0, 0)
    picture = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(picture).text((-left, -top), name, fill=255, font=font)
    scale = min(height / picture.height, width / picture.width)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = picture.resize(size, Image.Resampling.BOX)
    return torch.tensor(list(small.tobytes())).view(size[1], size[0]) / 255


def named(images: Tensor, name: str, pixels: PixelRange) -> Tensor:
    """Images with a name at the lower edge, in the brightest value on the darkest.

    Args:
        images: (N, C, H, W). They are not changed.
        name: The name.
        pixels: Range of the pixels.
    """
    text = drawn(name, max(1, round(BAND * images.shape[2])), images.shape[3]).to(images)
    marked, (height, width) = images.clone(), text.shape
    if height and width:
        low, high = pixels.low.to(images), pixels.high.to(images)
        marked[:, :, -height:, :width] = low + (high - low) * text
    return marked


def typographic_attack(network: nn.Module, label: int, name: str, tests: tuple[Images, Images], pixels: PixelRange) -> Marked:
    """Draw the name of a forgotten class on test images (Goh et al., Distill 2021).

    **Success**: with the name, the model calls more images of the class by their class than it calls other images so. Nothing
    is searched, so there is no seed and no budget. A classifier that was never shown text will seldom read it.

    Args:
        network: The classifier to attack. It is not changed.
        label: The forgotten class.
        name: Its name.
        tests: Test images of the class, and of retained classes.
        pixels: Range of the pixels.

    Raises:
        UserError: If a set is empty.
    """
    return called(network, label, tests, lambda images: named(images, name, pixels))
