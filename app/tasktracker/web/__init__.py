"""What the api and the worker share as servers of HTTP."""
