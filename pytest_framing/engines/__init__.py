"""Engines: what turns conversations into new tokens, one file each."""
