"""What `host/measure` is made of."""
