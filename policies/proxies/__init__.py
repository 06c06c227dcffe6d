"""Where the config files of proxies lead."""
