"""The commands of ``framing``, one module each: what it takes, what it does, what it prints.

Command modules are loaded for every ``framing --help``, so what is slow to import waits until a command runs.
"""
