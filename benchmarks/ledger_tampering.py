"""Ways to change a ledger, or a file that it names, without being allowed to."""

import random
from collections.abc import Callable

from oro_unlearn.ledger import RequestLedger, line_of, read_line


def change_a_byte(ledger: RequestLedger, lines: list[bytes], generator: random.Random) -> None:
    """Of any line."""
    place = generator.randrange(len(lines))
    line = bytearray(lines[place])
    line[generator.randrange(len(line))] ^= 1 << generator.randrange(7)
    rewrite(ledger, [*lines[:place], bytes(line), *lines[place + 1 :]])


def swap(ledger: RequestLedger, lines: list[bytes], generator: random.Random) -> None:
    """Any two lines."""
    first, second = generator.sample(range(len(lines)), 2)
    lines[first], lines[second] = lines[second], lines[first]
    rewrite(ledger, lines)


def drop(ledger: RequestLedger, lines: list[bytes], generator: random.Random) -> None:
    """Any line but the last: without a head that was kept or signed, its loss cannot be found."""
    del lines[generator.randrange(len(lines) - 1)]
    rewrite(ledger, lines)


def insert(ledger: RequestLedger, lines: list[bytes], generator: random.Random) -> None:
    """A line that is right in itself, before any other."""
    entry = read_line(generator.choice(lines))
    assert entry
    lines.insert(generator.randrange(len(lines)), line_of(entry._replace(forget=["forged"])))
    rewrite(ledger, lines)


def change_a_file(ledger: RequestLedger, lines: list[bytes], generator: random.Random) -> None:
    """A bit of weights, or of a report."""
    entry = read_line(generator.choice(lines))
    assert entry
    file = ledger.place(generator.choice(entry.files))
    content = bytearray(file.read_bytes())
    content[generator.randrange(len(content))] ^= 1
    file.write_bytes(bytes(content))


def rewrite(ledger: RequestLedger, lines: list[bytes]) -> None:
    """Write other lines."""
    ledger.path.write_bytes(b"".join(lines))


KINDS: dict[str, Callable[[RequestLedger, list[bytes], random.Random], None]] = {
    "a changed byte of a line": change_a_byte,
    "two lines that changed places": swap,
    "a missing line": drop,
    "an inserted line": insert,
    "a changed file": change_a_file,
}
