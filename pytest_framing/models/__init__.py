"""Models by name: the registry, where their files lie, and the embedded checkpoints."""
