"""The documented vocabularies of other systems: one table a source, from our reasons to its codes.

Nothing else knows a vendor's code. A table names every reason, or states that the source has no word for it.
"""
