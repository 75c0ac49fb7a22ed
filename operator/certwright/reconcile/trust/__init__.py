"""What decisions, stores and certificates tell each other about trust."""
