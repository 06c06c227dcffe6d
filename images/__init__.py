"""The project's images: one folder each, and the catalogue that names them by their content."""
