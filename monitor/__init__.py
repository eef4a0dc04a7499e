"""A self-hosted monitor for customer service and finance.

What a plugin needs is importable from here; importing it loads no torch and reads nothing.
"""

from monitor.hookspecs import hookimpl

__all__ = ["__version__", "hookimpl"]
__version__ = "0.1.0"
