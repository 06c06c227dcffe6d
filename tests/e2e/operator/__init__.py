"""Tests of the operator's command on running stacks."""
