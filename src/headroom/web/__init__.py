"""The local page: one user's memories, for people who would rather look than read. Needs the extra `ui`."""
