"""What is known of many runs: their facts, which of them are asked for, and in what they differ."""
