"""Running commands and being run: steps with their logs, signals, streams, one set-up at a time."""
