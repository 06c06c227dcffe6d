"""What containers are, as pure values: a runtime makes them (`components.runtime`)."""
