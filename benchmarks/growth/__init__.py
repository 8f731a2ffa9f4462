"""A year of one user: what grows, what is lost, and what a chat is reminded of at the end."""
