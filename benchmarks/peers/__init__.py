"""Peers, each in an environment of its own, measured over the same texts, vectors and questions as this project."""
