"""Watching series: detectors, rules, the life of an alert, and what it says."""
