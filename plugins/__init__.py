"""The built-in sources, task adapters, notifiers and encoders: ordinary plugins."""
