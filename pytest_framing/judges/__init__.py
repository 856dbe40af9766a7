"""Judges turn an answer into a verdict: refusal, partial refusal, compliance or invalid."""
