"""DKR-MON: what leads to a port of monitoring, or by a proxy to one of a data store."""
