"""Reports for people: the terminal, Markdown, and a page of HTML."""
