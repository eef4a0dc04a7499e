"""Learning to learn: what the shared part of the classifier practises before it meets its owner's labels."""
