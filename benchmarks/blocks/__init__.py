"""What the memory block costs, and how small models keep to it."""
