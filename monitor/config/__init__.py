"""The configuration file: its tables and what is made of them, read and checked with all faults at once."""
