"""What a campaign brought: the effect by its own draws, in money, or why it cannot be known."""
