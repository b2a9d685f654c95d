"""``trainingrun checkpoint``: list, verify and pull the checkpoints of a run.

Reading them (formats, S3) is the trainer's: its tool is called as a program, because members never
import one another. Here: where the checkpoints of a run are, and the table for people.
"""
