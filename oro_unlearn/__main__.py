"""``python -m oro_unlearn`` is the same as ``oro-unlearn``."""

from oro_unlearn.cli.command import main

if __name__ == "__main__":
    main()
