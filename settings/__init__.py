"""The settings of a stack: what `Pulumi.<stack>.yaml` may say, checked in full before anything is made.

`parse` turns a stack's config into `Settings` or raises one `SettingsError` that lists every problem. The package is
pure but for `settings.reading.source`, which reads the config of the running Pulumi program.
"""

from settings.errors import Problem, SettingsError
from settings.reading.reader import parse
from settings.stack import Settings

__all__ = ["Problem", "Settings", "SettingsError", "parse"]
