"""Release gates for language-model safety that cannot be fooled by their own protocol."""

__version__ = "0.1.0"
