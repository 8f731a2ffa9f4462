"""What each address answers: one file a page."""
