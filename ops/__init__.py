"""What operators and CI run around the program: reports of previews, and their way to a pull request."""
