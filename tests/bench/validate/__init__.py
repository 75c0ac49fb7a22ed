"""What a verdict costs."""
