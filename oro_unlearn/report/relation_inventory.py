"""Stub."""


def relation_inventory_lines(inventory):
    return [str(inventory)]
