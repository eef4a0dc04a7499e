"""Tasks of the store: their features, readers and heads, what is asked about them, and what may be wrong with them."""
