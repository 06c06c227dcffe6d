"""What a pull request shows: previews of its stacks, recorded and reported."""
