"""Compare wordings, choose the article of a noun, and split a sentence into a triple."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError

ARTICLES = ("a", "an", "the", "some")
BANKS = ("train", "eval")
NO_WORD = re.compile(r"[\W_]+")  # neither letters nor digits
LONGEST = 500  # characters of an error message
MAX_WORDS = 40  # words of a text that is split into subject, relation and object


@contextmanager
def brief() -> Iterator[None]:
    """Shorten long error messages. The beginning, which says where, and the end, which says what to do, are kept."""
    try:
        yield
    except UserError as error:
        text = str(error)
        if len(text) <= LONGEST:
            raise
        raise UserError(f"{text[: LONGEST - 155]} ... {text[-150:]}") from None


def wording_key(text: str) -> str:
    """Key of a wording: lower case, no leading article, no punctuation. Wordings with the same key count as equal.

    >>> from oro_unlearn.graph.wording import wording_key
    >>> wording_key("A Grown-up"), wording_key("grown up")
    ('grown up', 'grown up')
    """
    words = plain_words(text)
    return " ".join(words[1:] if len(words) > 1 and words[0] in ARTICLES else words)


def plain_words(text: str) -> list[str]:
    """Lower-case words without punctuation.

    >>> from oro_unlearn.graph.wording import plain_words
    >>> plain_words("A grown-up, eating.")
    ['a', 'grown', 'up', 'eating']
    """
    return NO_WORD.sub(" ", text.casefold()).split()


def with_article(noun: str, mass: bool) -> str:
    """The noun with "a" or "an", by its first letter. A mass noun, or a noun with an article, is returned unchanged.

    >>> from oro_unlearn.graph.wording import with_article
    >>> with_article("apple", False), with_article("milk", True), with_article("a glass of milk", True)
    ('an apple', 'milk', 'a glass of milk')
    """
    if mass or noun.split(" ", maxsplit=1)[0].lower() in ARTICLES:
        return noun
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def closest(name: str, known: Iterable[str]) -> str:
    """End of an error message about an unknown name: similar names from ``known``, otherwise the first ten."""
    names = list(known)
    alike = difflib.get_close_matches(name[:100], names, n=3, cutoff=0.6)
    if alike:
        return "did you mean " + " or ".join(repr(found) for found in alike) + "?"
    return "known: " + ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def split_triple(text: str, nodes: Mapping[str, str], relations: Mapping[str, str]) -> tuple[str, str, str]:
    """Split a text into subject, relation and object, each of one or more words.

    Args:
        text: E.g. "child next to dog".
        nodes: Names of objects, by the :func:`wording_key` of each of their names and synonyms.
        relations: The same for relations.

    Raises:
        UserError: If no split has three known parts, or if several differ; one line that names the closest known names.
    """
    words = wording_key(text).split()
    found: list[tuple[str, str, str]] = []
    for part in (plain_words(text), words):  # first with the leading article, which may belong to a name, then without
        cuts = _spans(part) if not found and 3 <= len(part) <= MAX_WORDS else []
        found += [(nodes[s], relations[r], nodes[o]) for s, r, o in cuts if s in nodes and r in relations and o in nodes]
    if not found and not 3 <= len(words) <= MAX_WORDS:
        raise UserError(
            f"{shortened(text)!r} is not a relation: write subject, relation and object, as in 'child eating hamburger'"
        )
    if not found:
        raise UserError(_unknown(text, _spans(words), nodes, relations))
    if len(set(found)) > 1:
        raise UserError(f"{text!r} can be read as " + " or as ".join(" | ".join(parts) for parts in sorted(set(found))))
    return found[0]


def _spans(words: list[str]) -> list[tuple[str, ...]]:
    """Every split of the words into three parts, each as its wording key."""
    cuts = [(i, j) for i in range(1, len(words) - 1) for j in range(len(words) - 1, i, -1)]
    return [tuple(wording_key(" ".join(part)) for part in (words[:i], words[i:j], words[j:])) for i, j in cuts]


def _unknown(text: str, spans: list[tuple[str, ...]], nodes: Mapping[str, str], relations: Mapping[str, str]) -> str:
    """Which part of the text is unknown: the split with the most known parts decides."""
    known_parts = [2 * (relation in relations) + (subject in nodes) + (thing in nodes) for subject, relation, thing in spans]
    subject, relation, thing = spans[known_parts.index(max(known_parts))]
    for kind, part, known in (("relation", relation, relations), ("object", subject, nodes), ("object", thing, nodes)):
        if part not in known:
            return f"unknown {kind} {part!r} in {text!r}: {closest(part, dict.fromkeys(known.values()))}"
    raise AssertionError("every part is known")
