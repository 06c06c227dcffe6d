"""The documents, and the programs that write the generated ones."""
