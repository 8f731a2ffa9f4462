"""What a poisoned tool result can do to a memory, and what the gate costs: `python -m benchmarks.gate`."""
