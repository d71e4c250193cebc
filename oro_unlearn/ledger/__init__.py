"""A ledger of requests to forget. A chain of hashes shows whether its records of requests and results were changed."""

from oro_unlearn.ledger.entry import START, Entry, FileRecord, line_of, read_line
from oro_unlearn.ledger.request_ledger import RequestLedger
from oro_unlearn.ledger.verification import Fault, chain_faults, file_faults, head_fault, verify

__all__ = [
    "START",
    "Entry",
    "Fault",
    "FileRecord",
    "RequestLedger",
    "chain_faults",
    "file_faults",
    "head_fault",
    "line_of",
    "read_line",
    "verify",
]
