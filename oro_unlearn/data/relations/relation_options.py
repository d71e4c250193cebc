"""Ranges of the options of all relational data."""

from oro_unlearn.user_error import UserError


def check_options(batch_size: int, listed: dict[str, int], withheld: float, seed: int, eval_batch_size: int) -> None:
    """Check options of :class:`oro_unlearn.data.relations.relation_data.RelationData`.

    Raises:
        UserError: If one is out of its range.
    """
    if eval_batch_size < 1:
        raise UserError(f"--data.eval_batch_size is a number of pictures, at least 1, not {eval_batch_size}")
    if batch_size < 1:
        raise UserError(f"--data.batch_size is a number of pairs, at least 1, not {batch_size}")
    if not 0 <= withheld < 1:
        raise UserError(f"--data.withheld is a part of the vocabulary in [0, 1), not {withheld}")
    if set(listed) - {"subject", "relation", "object"} or any(count < 0 for count in listed.values()):
        raise UserError(f"--data.listed gives a number for subject, relation and object, not {listed}")
    if seed < 0:
        raise UserError(f"--data.seed is 0 or more, not {seed}")
