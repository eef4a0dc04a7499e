"""The database: one SQLite file, in WAL mode, readable by any SQLite tool."""

from monitor.store.store import Store

__all__ = ["Store"]
