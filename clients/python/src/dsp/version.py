"""The version of this package; the workspace's own."""

__version__ = "0.1.0"
