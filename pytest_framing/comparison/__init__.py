"""Two results held against each other: what decisions changed, what the gap did, and whether they may be compared."""
