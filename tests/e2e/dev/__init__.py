"""Tests of the stack that they share, a dev stack as it is committed."""
