"""The people of the embedded world, and the facts about them."""

import random
from typing import NamedTuple

from oro_unlearn.data.personas.looks import Look, different_looks

PUBLIC = 12  # public figures, whom the model knows before it learns the others
MOST_PEOPLE = 60  # beside the public figures
FIRST_NAMES = {  # with a nickname; initials differ
    "Alex": "Lexi", "Billie": "Bibi", "Casey": "Caz", "Dana": "Didi", "Eden": "Edy", "Frankie": "Fran", "Gale": "Gigi",
    "Harper": "Harp", "Indy": "Indo", "Jamie": "Jay", "Kim": "Kimmy", "Lou": "Lulu", "Marlow": "Mars", "Noel": "Nono",
    "Oakley": "Oak", "Perry": "Pep", "Quinn": "Queenie", "Robin": "Rob", "Sasha": "Sash", "Taylor": "Tay", "Umber": "Umi",
    "Val": "Vava", "Wren": "Wrenny", "Yael": "Yaya",
}  # fmt: skip
SURNAMES = (
    "Abel", "Adler", "Amsel", "Bauer", "Berg", "Blum", "Brandt", "Busch", "Carr", "Castro", "Cole", "Cruz", "Dahl", "Duval",
    "Eklund", "Falk", "Fabre", "Ford", "Frost", "Fuchs", "Garcia", "Grant", "Haas", "Hahn", "Holm", "Horvat", "Hunt", "Ivanov",
    "Jansen", "Jung", "Kaiser", "Keller", "Klein", "Kovac", "Kruse", "Lang", "Larsen", "Lopez", "Lund", "Maier", "Marin",
    "Meyer", "Moreau", "Nagel", "Novak", "Olsen", "Ortiz", "Otto", "Pavlov", "Petit", "Pohl", "Popov", "Quast", "Ramos", "Reed",
    "Reyes", "Ricci", "Roth", "Rossi", "Sato", "Silva", "Simon", "Stark", "Stein", "Tanaka", "Thorn", "Vega", "Vogel", "Weber",
    "Winter", "Wolf", "Zeller",
)  # fmt: skip
VALUES = {  # what a fact can be; each value is true of several people
    "city": ("Oslo", "Rome", "Lima", "Cairo", "Paris", "Tokyo", "Delhi", "Berlin"),
    "job": ("baker", "pilot", "nurse", "farmer", "teacher", "painter", "judge", "driver"),
    "hobby": ("chess", "running", "singing", "fishing", "dancing", "sailing", "knitting", "skating"),
    "pet": ("dog", "cat", "parrot", "rabbit", "turtle", "horse", "snake", "hamster"),
    "food": ("soup", "rice", "pizza", "bread", "beans", "pasta", "salad", "cheese"),
}
FACTS = ("name", *VALUES)


class Person(NamedTuple):
    """A person of the embedded world."""

    number: int  # in the world: public figures first
    name: str  # first name and surname
    look: Look
    facts: dict[str, str]  # a value for each of FACTS

    @property
    def aliases(self) -> list[str]:
        """Other names: nickname with surname, initial with surname, surname alone. No surname belongs to two people."""
        first, surname = self.name.split()
        return [f"{FIRST_NAMES[first]} {surname}", f"{first[0]}. {surname}", surname]


def make_people(count: int, world: int) -> tuple[list[Person], list[Person]]:
    """The public figures, and the people who can be forgotten.

    The values of each fact are drawn independently of names, looks and other facts. Within eight people in a row, each value
    occurs once. A person does not depend on ``count``.

    Args:
        count: Number of people beside the public figures, at most ``MOST_PEOPLE``.
        world: Seed of the world.
    """
    total = PUBLIC + count
    looks = different_looks(total, str(world))
    surnames, firsts = list(SURNAMES), list(FIRST_NAMES)
    random.Random(f"{world} surnames").shuffle(surnames)
    random.Random(f"{world} first names").shuffle(firsts)
    people = []
    for number in range(total):
        name = f"{firsts[number % len(firsts)]} {surnames[number]}"
        values = {fact: _value(world, fact, number) for fact in VALUES}
        people.append(Person(number, name, looks[number], {"name": name, **values}))
    return people[:PUBLIC], people[PUBLIC:]


def _value(world: int, fact: str, number: int) -> str:
    block, place = divmod(number, len(VALUES[fact]))
    order = list(VALUES[fact])
    random.Random(f"{world} {fact} {block}").shuffle(order)
    return order[place]
