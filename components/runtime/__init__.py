"""How a workload becomes containers, files and volumes."""
