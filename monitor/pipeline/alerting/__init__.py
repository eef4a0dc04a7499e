"""From a verdict to an alert, its words, whom it is for, and on to a receiver; digests of the same."""
