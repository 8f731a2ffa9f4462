"""How good recall is: what a search finds, and what a chat is reminded of."""
