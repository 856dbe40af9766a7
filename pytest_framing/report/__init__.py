"""Reports for people: the terminal and Markdown."""
