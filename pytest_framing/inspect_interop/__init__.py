"""To and from Inspect AI: runs as Inspect logs, Inspect logs as runs, and the two framings as Inspect tasks."""
