"""People have stacks of earlier versions: an update of one keeps its data, keys and buckets.

README.md in this folder says what is tested, and what a release adds.
"""
