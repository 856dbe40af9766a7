"""Coverage-guided fuzzing of everything that reads a file: only our own errors may come out."""
