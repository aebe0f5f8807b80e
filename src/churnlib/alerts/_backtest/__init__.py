"""Rules on the past: replayed day by day, counted, and held against silence."""
