"""Rules on the stored past: what they would have done, which ones would pay, what an alert would look like."""
