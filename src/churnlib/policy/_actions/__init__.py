"""What may be done, and what makes it come up: alerts, reasons, tiers, dates, clocks."""
