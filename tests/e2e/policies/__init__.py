"""Tests of the policy pack on the engine."""
