"""The reference Task Tracker: an api, a worker and their migrations, in one package."""

__version__ = "0.1.0"
