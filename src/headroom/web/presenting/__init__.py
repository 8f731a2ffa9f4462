"""Times, texts and counts as people read them: pure functions from records to words, differences and plots."""
