"""Tables of captions in every form that people have, as records."""

import builtins
import json
import re
from pathlib import Path

import pytest

from oro_unlearn.data.relations.caption_columns import known_columns
from oro_unlearn.data.relations.caption_files import caption_files
from oro_unlearn.data.relations.caption_tables import read_table
from oro_unlearn.user_error import UserError

ROWS = [("train\\1.png", "Ein Bär"), ("2.png", 'a "dog", running; fast')]


def written(name: str, names: tuple[str, str], delimiter: str = ",", encoding: str = "utf-8", more: str = "") -> Path:
    """The two rows as a table of text."""
    quoted = [[f'"{cell}"' if delimiter in cell else cell for cell in (image, text.replace('"', ""))] for image, text in ROWS]
    lines = [delimiter.join((*cells, *([more] if more else []))) for cells in (names, *quoted)]
    path = Path(name)
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


@pytest.mark.parametrize("image", ["image", "filename", "file_name", "path", "image_path", "filepath", "File Name", "IMAGE"])
@pytest.mark.parametrize("caption", ["caption", "text", "sentence", "Text"])
def test_columns_are_known_by_their_usual_names(image, caption):
    assert known_columns("", [image, caption]) == {image: "image", caption: "caption"}


@pytest.mark.parametrize(
    ("name", "delimiter", "said"),
    [
        ("c.csv", ",", "comma"),
        ("c.csv", ";", "semicolon"),
        ("c.csv", "\t", "tab"),
        ("c.tsv", "\t", "tab"),
        ("c.tsv", ",", "comma"),
        ("C.CSV", ";", "semicolon"),
    ],
)
def test_the_header_tells_the_delimiter(name, delimiter, said):
    table = read_table(written(name, ("filename", "text"), delimiter))
    assert [values["image"] for _, values in table.records] == [image for image, _ in ROWS]
    assert [line for line, _ in table.records] == [2, 3]
    assert (table.delimiter, table.encoding, table.ignored) == (said, "utf-8", [])


@pytest.mark.parametrize(
    ("encoding", "asked", "said"),
    [
        ("utf-8-sig", "", "utf-8"),
        ("utf-16", "", "utf-16"),
        ("utf-32", "", "utf-32"),
        ("utf-8-sig", "utf8", "utf-8"),
        ("utf-16", "UTF_16", "utf-16"),
        ("cp1252", "cp1252", "cp1252"),
        ("cp1252", "latin-1", "iso8859-1"),
        ("utf-16-le", "utf-16-le", "utf-16-le"),
    ],
)
def test_encodings_are_told_by_a_mark_or_asked_for(encoding, asked, said):
    table = read_table(written("c.csv", ("image", "caption"), encoding=encoding), asked)
    assert table.records[0][1] == {"image": "train\\1.png", "caption": "Ein Bär"}
    assert table.encoding == said


def test_the_index_of_a_data_frame_and_other_columns_are_ignored_and_named():
    Path("c.csv").write_text(",image,caption,width,Image ID,\n0,a.png,a dog,640,7,\n")
    table = read_table(Path("c.csv"))
    assert table.records == [(2, {"image": "a.png", "caption": "a dog"})]
    assert table.ignored == ["(without a name)", "width", "Image ID"]


def test_json_lines_may_hold_other_values_and_nulls():
    rows = [{"file_name": "a.png", "text": "a dog", "boxes": [[1, 2]]}, {"file_name": "b.png", "text": None, "id": 7}]
    Path("c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = read_table(Path("c.jsonl"))
    assert table.records == [(1, {"image": "a.png", "caption": "a dog"}), (2, {"image": "b.png"})]
    assert table.ignored == ["boxes", "id"]


def parquet(**columns: list) -> Path:
    """A Parquet file."""
    from pyarrow import parquet, table

    parquet.write_table(table(columns), "c.parquet")
    return Path("c.parquet")


def test_parquet_is_read():
    table = read_table(parquet(path=["a.png", "b.png"], sentence=["a dog", None], width=[1, 2]))
    assert table.records == [(1, {"image": "a.png", "caption": "a dog"}), (2, {"image": "b.png"})]
    assert (table.ignored, table.encoding, table.delimiter) == (["width"], "", "")


def test_parquet_without_its_package_is_one_line(monkeypatch):
    real = builtins.__import__
    path = parquet(path=["a.png"], text=["a dog"])

    def absent(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ValueError, match=r"c\.parquet: Parquet needs pyarrow: pip install 'oro_unlearn\[parquet\]'"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.csv", b"image,path,caption\n", "c.csv:1: columns 'image' and 'path' both give the image: drop or rename one"),
        ("c.csv", b"image;text;Caption\n", "c.csv:1: columns 'text' and 'Caption' both give the caption"),
        ("c.csv", b"image,capton\n", "c.csv:1: unknown column 'capton': did you mean 'caption'?"),
        ("c.csv", b"image,caption,spilt\n", "c.csv:1: unknown column 'spilt': did you mean 'split'?"),
        ("c.csv", b"image,dege\n", "c.csv:1: unknown column 'dege': did you mean 'edge'?"),
        ("c.csv", b"img,caption\n", "c.csv:1: no column names the pictures' files: call it image (or filename, file_name"),
        ("c.csv", b"image,comment\n", "c.csv:1: no column says what is shown: call it caption (or text, sentence), or edge"),
        ("c.csv", b"a.png,a dog\nb.png,a cat\n", "c.csv:1: no column names the pictures' files"),
        ("c.jsonl", b'{"image": "a.png", "id": 4}\n', "c.jsonl:1: no column says what is shown"),
        ("c.csv", b"image,caption\na.png,B\xe4r\n", "c.csv:2: byte 21 is not UTF-8: name the file's encoding with --data.enc"),
        ("c.csv", "image,caption\n".encode("utf-16-be"), "UTF-16 without its mark needs --data.encoding utf-16-be"),
        ("c.csv", b"image;caption\na.png\n", "c.csv:2: this line has another number of columns than the header (1, not 2)"),
        ("c.parquet", b"PAR1 no table", "c.parquet: not a Parquet file ("),
        ("c.json", b"[]", "c.json: a manifest is a .csv, .tsv, .jsonl or .parquet file"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_table_is_refused_in_one_line(name, content, message):
    Path(name).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        read_table(Path(name))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"image,caption\na.png,\x81\n", "cp1252", "c.csv:2: byte 20 is not CP1252: name the file's encoding with --data.enc"),
        (b"image,caption\n", "cp12", "--data.encoding 'cp12' is unknown: name one such as cp1252"),
        (b"image,caption\n", "hex", "c.csv:1: byte 0 is not HEX"),
        (b"image,caption\n", "a\0", "is unknown: name one such as"),
        ("image,caption\n".encode("utf-8-sig"), "cp1252", "c.csv begins with the byte order mark of utf-8, not cp1252: leave"),
    ],
)
def test_a_wrong_encoding_is_refused_in_one_line(content, encoding, message):
    Path("c.csv").write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_table(Path("c.csv"), encoding)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["metadata.jsonl"], [("metadata.jsonl", "")]),
        (["Captions.TSV", "notes.csv"], [("Captions.TSV", "")]),
        (["manifest.csv", "captions.csv"], [("manifest.csv", "")]),
        (["captions.parquet", "train/metadata.jsonl"], [("captions.parquet", "")]),
        (["Train/metadata.csv", "other/metadata.csv"], [("Train/metadata.csv", "train")]),
        (["train/captions.tsv", "val/metadata.jsonl"], [("train/captions.tsv", "train"), ("val/metadata.jsonl", "test")]),
    ],
)
def test_tables_are_found_in_the_folder_or_its_splits(files, found):
    for name in files:
        (Path("pictures") / name).parent.mkdir(parents=True, exist_ok=True)
        (Path("pictures") / name).touch()
    tables = caption_files(Path("pictures"))
    assert [(str(table.path.relative_to("pictures")), table.split) for table in tables] == found
    assert all(table.folder == table.path.parent for table in tables)


def test_which_table_is_meant_is_not_guessed():
    Path("pictures").mkdir()
    for name in ("captions.csv", "metadata.jsonl"):
        (Path("pictures") / name).touch()
    with pytest.raises(ValueError, match=r"several tables of captions \(captions.csv and metadata.jsonl\): name one with"):
        caption_files(Path("pictures"))
    Path("empty").mkdir()
    with pytest.raises(UserError, match=r"no manifest\.csv, captions\.csv or metadata\.jsonl in empty"):
        caption_files(Path("empty"))
    with pytest.raises(UserError, match="folder nowhere not found: name the folder of the pictures with"):
        caption_files(Path("nowhere"))
