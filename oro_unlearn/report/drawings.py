"""Drawings and pictures that stand inside a page: SVG markup, and photographs as data URIs."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oro_unlearn.files import sha256_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDEST = 1500  # pixels of a photograph's longer side
FONTS = ["Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"]
STYLE: Any = {  # names and values of Matplotlib's settings
    "svg.fonttype": "none",  # text stays text: smaller than outlines, and it can be searched and read aloud
    "font.family": "sans-serif",
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a909a",
    "axes.labelcolor": "#3a404a",
    "xtick.color": "#3a404a",
    "ytick.color": "#3a404a",
    "legend.frameon": False,
    "text.parse_math": False,  # names may hold dollar signs
    "text.usetex": False,
}


def svg_of(draw: Callable[[], "Figure"]) -> str:
    """The markup of a drawing. Names in it are escaped; the same drawing gives the same markup.

    Args:
        draw: Makes the figure. It is called with the style of a page.
    """
    text = drawn(draw)
    text = text[text.index("<svg") :]
    fonts = ", ".join(f"'{name}'" for name in FONTS)
    text = re.sub(r"<g id=\"[^\"]*\"", "<g", text).replace("'DejaVu Sans'", fonts, -1)
    return _own_names(re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL))


def drawn(draw: Callable[[], "Figure"]) -> str:
    """The SVG of a drawing, as Matplotlib writes it."""
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": "oro_unlearn"}):
        draw().savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return target.getvalue()


def _own_names(text: str) -> str:
    """Markup whose identifiers occur in no other drawing of the page."""
    mark = f"d{sha256_of([text])[:8]}"
    text = re.sub(r"\bid=\"([^\"]+)\"", rf'id="{mark}\1"', text)
    text = re.sub(r"\bhref=\"#([^\"]+)\"", rf'href="#{mark}\1"', text)
    return re.sub(r"url\(#([^)\"]+)\)", rf"url(#{mark}\1)", text)


def photograph(path: Path) -> str:
    """A picture file as a data URI, made smaller if it is large; empty if there is no such file.

    Args:
        path: A PNG.
    """
    from PIL import Image

    if not path.is_file():
        return ""
    target = io.BytesIO()
    with Image.open(path) as image:
        image.thumbnail((WIDEST, WIDEST))
        image.convert("RGB").save(target, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(target.getvalue()).decode()}"
