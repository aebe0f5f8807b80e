"""From gains to a plan for each customer: limits, chance, reasons, and the log of what became of it."""
