"""``python -m streams`` is the command ``thalweg``."""

from streams.cli import main

main()
