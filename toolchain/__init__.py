"""How a machine gets what the project needs: venv, Pulumi engine and plugins, Docker, images.

Stdlib only: it runs on the system's Python before the venv exists.
"""
