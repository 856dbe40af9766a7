"""Measurements of this project, each a command: ``python -m bench.<name>`` from the root of the repository."""
