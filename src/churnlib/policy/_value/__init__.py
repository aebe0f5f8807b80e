"""What a policy is worth by the log of another, and policies compared on one experiment."""
