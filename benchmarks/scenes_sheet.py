"""Draw the sheet of docs/scenes.md: a row per subject, a column per relation; then objects, places and styles.

python -m benchmarks.scenes_sheet
"""

import argparse
from collections.abc import Sequence
from pathlib import Path


def main(args: Sequence[str] | None = None) -> None:
    """Draw and write docs/scenes.png."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(args)
    import numpy as np
    from PIL import Image

    from oro_unlearn.data.scenes.renderer import CONTEXTS, LANDMARKS, RELATIONS, STYLES, SUBJECTS, THINGS, render

    tuned = ("child", "eating", "hamburger")
    object_of = {"eating": "hamburger", "drinking": "wine", "holding": "phone", "kicking": "ball", "throwing": "book"}
    rows = [[((subject, relation, object_of.get(relation, "cake")), "", "") for relation in RELATIONS] for subject in SUBJECTS]
    singles = [((name,), "", "") for name in (*THINGS, *LANDMARKS)]
    extra = [*singles[:18], *((tuned, context, "") for context in CONTEXTS), *((tuned, "", style) for style in STYLES)]
    rows += [extra[start : start + len(RELATIONS)] for start in range(0, len(extra), len(RELATIONS))]
    sheet = Image.new("RGB", (66 * len(RELATIONS), 66 * len(rows)), "white")
    for y, row in enumerate(rows):
        for x, (concept, context, style) in enumerate(row):
            pixels = render(concept, np.random.default_rng([y, x]), context, style)
            sheet.paste(Image.fromarray(pixels), (66 * x, 66 * y))
    Path("docs").mkdir(exist_ok=True)
    sheet.quantize(192).save("docs/scenes.png", optimize=True)


if __name__ == "__main__":
    main()
