"""What tests and benchmarks share; no image and no wheel has it.

Belongs here: starting real programs, playing the parts of those that a test has not, waiting for
what they do, and material that several tests are made of. Does not belong here: expectations, and
what one test file alone needs.
"""
