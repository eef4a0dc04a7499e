"""A sample to try the monitor on: dated history, a news feed that grows, a support chat log.

``python -m sample.run`` starts the monitor on it. To the monitor these are ordinary sources.
"""
