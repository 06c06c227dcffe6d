"""A CrossGuard policy pack for systems that run on Docker hosts.

It knows nothing of the program that it checks but the conventions that its config sets.
"""
