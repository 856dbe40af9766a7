"""The safety receipt: an in-toto Statement about a model that binds all of a run."""
