"""Generators of committed files; they run from a checkout, and no package ships them.

Belongs here: programs that write (or with ``--check`` compare) a file made from the code: the CRD,
pages of the reference, conformance vectors. Does not belong here: anything a product imports.
"""
