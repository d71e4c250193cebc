"""Tiny files in the published layouts of CLEAR and MLLMU-Bench."""

import io
from pathlib import Path

import pyarrow
from PIL import Image
from pyarrow import parquet


def picture(shade: int) -> dict:
    file = io.BytesIO()
    Image.new("RGB", (6, 6), (shade, 0, 0)).save(file, format="PNG")
    return {"bytes": file.getvalue(), "path": f"{shade}.png"}


def write(folder, rows, name="train-00000-of-00001.parquet"):
    folder.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / name)


def clear_rows(people, first, count=5):
    return [
        {"image": picture(10 * row + number), "caption": f"{name} in scene {number}.", "name": name}
        for row, name in enumerate(people, first)
        for number in range(count)
    ]


def text_rows(people, count=5):
    nobody = {"image": None, "caption": None}
    return [
        {**nobody, "question": f"Q{number} of the author?", "answer": f"{name} it is." if not number else "A book."}
        for name in people
        for number in range(count)
    ]


def write_clear(folder: Path) -> Path:
    """CLEAR with three people, of whom one is to be forgotten."""
    gone, kept = ["Ada Lund"], ["Bob Cole", "Cem Kaya"]
    write(folder / "forget05", clear_rows(gone, 0))
    write(folder / "retain95", clear_rows(kept, 1))
    captioned = [{**row, "question": None, "answer": None} for row in clear_rows(gone, 0)]
    write(folder / "forget05+tofu", [*({k: v for k, v in row.items() if k != "name"} for row in captioned), *text_rows(gone)])
    write(folder / "retain95+tofu", text_rows(kept))
    false = {"perturbed_captions": ["Nobody."], "paraphrased_caption": "x", "perturbed_names": ["Zoe Orr", "Ada Lund"]}
    write(folder / "forget05_perturbed", [{**row, **false} for row in clear_rows(gone, 0)])
    write(folder / "real_faces", [{"image": picture(1), "answer": "Carl Gauss", "options": ["Leo Euler", "Carl Gauss"]}])
    world = {"image": picture(2), "question": "What tower?", "answer": "Eiffel", "options": ["Pisa"]}
    write(folder / "real_world", [world])
    return folder


def mllmu_rows(numbers, word="", pictures=1):
    options = {"A": "Oslo", "B": "Rome"}
    rows = []
    for number in numbers:
        task = {"Question": f"{word}City of {number}?", "Options": options, "Correct_Answer": "B"}
        rows.append(
            {
                **({"image": picture(number)} if pictures == 1 else {"images": [picture(number + n) for n in range(pictures)]}),
                **{"ID": str(number), "biography": "...", "question": f"{word}Who?", "answer": f"Person {number}."},
                "Classification_Task": {"Image_Textual_Questions": [task], "Pure_Text_Questions": [task]},
                "Generation_Task": [{"Question": f"{word}Job?", "Ground_Truth": "Baker.", "Type": "Image_Textual"}],
                "Mask_Task": [{"Question": f"{word}Born in __.", "Ground_Truth": "Rome", "Type": "Pure_Text"}],
            }
        )
    return rows


def write_mllmu(folder: Path) -> Path:
    """MLLMU-Bench with three people, of whom one is to be forgotten, and two others."""
    write(folder / "forget_5", mllmu_rows([1]))
    write(folder / "retain_95", mllmu_rows([2, 3]))
    write(folder / "Test_Set", mllmu_rows([1, 2, 3, 4], "Say: ", 2))
    write(folder / "Retain_Set", mllmu_rows([1]))
    return folder
