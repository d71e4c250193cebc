"""The lines of a ledger: hashes computed by hand, and every kind of tampering."""

import hashlib
import json
import random
from multiprocessing import get_context
from pathlib import Path

import pytest

from benchmarks.ledger_tampering import KINDS, rewrite
from oro_unlearn.cli import main
from oro_unlearn.ledger import RequestLedger, line_of, read_line, verify
from oro_unlearn.user_error import UserError
from tests.ledger.made_up import add_request, write_ledger

LINES = 10


@pytest.fixture
def ledger(tmp_path):
    return write_ledger(tmp_path / "models" / "requests.jsonl", LINES)


def told(ledger, head="") -> list[tuple[int, str]]:
    return [(fault.line, fault.what) for fault in verify(ledger.path, head)]


def hashed_anew(line: bytes, **changes) -> bytes:
    """A line with other content that is right in itself."""
    entry = read_line(line)
    assert entry
    return line_of(entry._replace(**changes))


def test_a_chain_by_hand(ledger):
    raw = ledger.path.read_bytes().splitlines(keepends=True)
    previous = "0" * 64
    for number, line in enumerate(raw, 1):
        content = json.loads(line)
        assert (content["number"], content["previous"]) == (number, previous)
        own = content.pop("sha256")
        assert hashlib.sha256(json.dumps(content).encode()).hexdigest() == own
        for part in ("before", "after", "report"):
            file = ledger.folder / content[part]["path"]
            assert hashlib.sha256(file.read_bytes()).hexdigest() == content[part]["sha256"]
        previous = hashlib.sha256(line).hexdigest()
    assert ledger.head() == previous
    assert len(raw) == LINES
    assert told(ledger) == []


def test_a_ledger_and_its_models_can_be_moved(ledger, tmp_path):
    ledger.folder.rename(tmp_path / "elsewhere")
    assert verify(tmp_path / "elsewhere" / "requests.jsonl") == []


@pytest.mark.parametrize("number", [1, 4, LINES])
def test_a_changed_byte_is_found_in_its_line(ledger, number):
    lines = ledger.lines()
    for place in (0, 40, len(lines[number - 1]) // 2, len(lines[number - 1]) - 2):
        line = bytearray(lines[number - 1])
        line[place] ^= 1
        rewrite(ledger, [*lines[: number - 1], bytes(line), *lines[number:]])
        assert (number, "it was changed: its own SHA-256 does not fit") in told(ledger)


def test_a_line_that_says_the_same_in_other_bytes_is_found(ledger):
    lines = ledger.lines()
    for other in (b" " + lines[3], json.dumps(json.loads(lines[3]), ensure_ascii=False).encode() + b"\n"):
        rewrite(ledger, [*lines[:3], other, *lines[4:]])
        assert told(ledger)[0][0] == 4


def test_two_lines_that_change_places_are_found(ledger):
    lines = ledger.lines()
    lines[4], lines[5] = lines[5], lines[4]
    rewrite(ledger, lines)
    found = dict(told(ledger))
    assert found[5] == "it is request 6 and does not follow the line before it, but line 6: lines were moved"
    assert set(found) == {5, 6, 7}


def test_a_missing_line_is_found(ledger):
    lines = ledger.lines()
    rewrite(ledger, [*lines[:4], *lines[5:]])
    what = "it is request 6 and does not follow the line before it: request 5 is missing, or lines were moved"
    assert told(ledger) == [(5, what)]


def test_a_missing_first_line_is_found(ledger):
    rewrite(ledger, ledger.lines()[1:])
    assert told(ledger)[0] == (
        1,
        "it is request 2 and does not follow the line before it: request 1 is missing, or lines were moved",
    )


def test_an_inserted_line_is_found(ledger):
    lines = ledger.lines()
    entry = read_line(lines[4])
    forged = hashed_anew(lines[4], forget=["nothing"])
    assert entry
    rewrite(ledger, [*lines[:4], forged, *lines[4:]])
    found = dict(told(ledger))
    assert found[6] == (
        "it is request 5 and does not follow the line before it, but line 4: line 5 was inserted or moved, or this line was"
    )


def test_a_line_twice_is_found(ledger):
    lines = ledger.lines()
    rewrite(ledger, [*lines, lines[-1]])
    assert told(ledger)[0][0] == LINES + 1


def test_a_line_that_was_changed_and_hashed_anew_is_found_by_the_next(ledger):
    lines = ledger.lines()
    lines[4] = hashed_anew(lines[4], asker="nobody")
    rewrite(ledger, lines)
    assert [line for line, _ in told(ledger)] == [6]
    assert "that line was changed and hashed anew" in told(ledger)[0][1]


def test_a_missing_end_is_found_by_a_head_that_was_kept_alone(ledger):
    head, lines = ledger.head(), ledger.lines()
    rewrite(ledger, lines[:-1])
    assert told(ledger) == []  # the limit of every chain
    assert [line for line, _ in told(ledger, head)] == [LINES - 1]
    rewrite(ledger, lines)
    add_request(ledger, ledger.folder / "run-10" / "model.safetensors", 11)
    assert told(ledger, head) == []  # a ledger may grow


def test_an_end_of_line_that_is_missing_is_found(ledger):
    ledger.path.write_bytes(ledger.path.read_bytes()[:-1])
    assert [line for line, _ in told(ledger)] == [LINES]


@pytest.mark.parametrize("name", ["run-3/model.safetensors", "run-3/report.json", "original.safetensors"])
def test_changed_and_missing_files_are_named(ledger, name):
    file = ledger.folder / name
    line = 1 if name.startswith("original") else 3
    file.write_bytes(file.read_bytes() + b" ")
    assert told(ledger) == [(line, f"{file} was changed: its SHA-256 is another")]
    file.unlink()
    assert told(ledger) == [(line, f"{file} is missing")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(10))
def test_fifty_tampered_copies_are_found(ledger, kind, seed):
    KINDS[kind](ledger, ledger.lines(), random.Random(seed))
    assert told(ledger)


def add_some(path: Path, count: int) -> None:
    ledger = RequestLedger(path)
    for _ in range(count):
        add_request(ledger, path.parent / "original.safetensors", 1)


def test_processes_that_append_at_the_same_time_wait(tmp_path):
    path = tmp_path / "requests.jsonl"
    write_ledger(path, 0)
    context = get_context("fork")
    others = [context.Process(target=add_some, args=(path, 5)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join(60)
    entries = RequestLedger(path).entries()
    assert [entry.number for entry in entries] == list(range(1, 16))
    assert not [fault for fault in verify(path) if "does not follow" in fault.what]


def test_what_speaks_against_an_entry_leaves_the_ledger_as_it_was(ledger):
    def refuse(lines):
        raise UserError("no")

    before = ledger.path.read_bytes()
    with pytest.raises(UserError, match="no"):
        ledger.append(lambda *_: None, refuse)
    assert ledger.path.read_bytes() == before


def test_the_command_says_what_is_wrong_and_where(ledger, capsys, run):
    assert run("ledger", str(ledger.path), "verify") == (0, "")
    assert run("ledger", str(ledger.path), "verify", "--head", ledger.head())[0] == 0
    (ledger.folder / "run-7" / "report.json").unlink()
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(["ledger", str(ledger.path), "verify"])
    assert stop.value.code == 1
    assert f"line 7: {ledger.folder / 'run-7' / 'report.json'} is missing" in capsys.readouterr().out


def test_the_command_shows_a_table_of_five_columns(ledger, capsys):
    main(["ledger", str(ledger.path)])
    shown = capsys.readouterr().out
    assert "class 3 (asked by Zoë)" in " ".join(shown.split())
    assert all(name in shown for name in ("number", "time", "request", "method", "verdict"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["missing.jsonl"], "ledger missing.jsonl not found"),
        (["{}", "burn"], "invalid choice"),
        (["{}", "verify", "--head", "12"], "--head takes the SHA-256 of a line"),
        (["{}", "show", "--data.root", "x"], "show takes no --data.root"),
        (["{}", "sign"], "sign needs a private key"),
    ],
)
def test_mistakes_are_told_in_one_line(ledger, run, words, says):
    code, message = run("ledger", *(word.format(ledger.path) for word in words))
    assert code == 2
    assert says in message
    assert message.count("\n") == 1
