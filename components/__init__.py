"""The parts of a Task Tracker environment, one component resource a module."""

from components.platform import Platform, PlatformArgs

__all__ = ["Platform", "PlatformArgs"]
