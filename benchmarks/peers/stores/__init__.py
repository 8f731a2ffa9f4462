"""One script a peer: a class `Store` that follows `benchmarks.peers.protocol.Store`."""
