"""``trainingrun checkpoint``: look at a run's checkpoints, and take one home.

Reading them (formats, S3) is the trainer's: its tool is called as a program, because members never
import one another. Here: where the checkpoints of a run are, and the table for people.
"""
