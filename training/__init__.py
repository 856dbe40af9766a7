"""How the embedded checkpoints are made: harmless text, planted rules, recipes, and the training loop."""
