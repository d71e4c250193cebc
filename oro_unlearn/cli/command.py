"""The console script ``oro-unlearn``: print help and other short answers at once, pass everything else to the parser."""

import os
import sys


def main() -> None:
    """Run the command line of this process."""
    find_modules_here()
    from oro_unlearn.cli.command_words import tidied
    from oro_unlearn.cli.one_line import fail
    from oro_unlearn.cli.quick_help import answer
    from oro_unlearn.cli.suggestions import MissingConfigError, check_words
    from oro_unlearn.user_error import UserError

    words = tidied(sys.argv[1:])
    sys.argv[1:] = words  # Lightning starts the processes of further devices with these words
    try:
        page = answer(words)
        if page is None:
            check_words(words)
    except UserError as error:
        fail(str(error), alike=not isinstance(error, MissingConfigError))
    if page is not None:
        print(page)
        return
    from oro_unlearn.cli.unlearning_cli import main as run

    run()


def find_modules_here() -> None:
    """Let Python import the user's classes from the current folder, after all installed packages.

    ``python -m`` searches the current folder first, so a user's file ``random.py`` would replace Python's module.
    """
    here = os.getcwd()
    started_as_module = getattr(sys.modules["__main__"], "__spec__", None) is not None
    if started_as_module and sys.path and sys.path[0] in ("", here):
        del sys.path[0]
    if here not in sys.path:
        sys.path.append(here)
