"""One self-contained HTML page, and lists for people."""
