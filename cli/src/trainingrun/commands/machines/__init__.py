"""Daemons on machines that are reached over SSH: start, stop, see how they stand, measure.

For engines that live outside a cluster: a list of machines in a file, with a number of daemons on
each. What runs is then given to a run by its endpoints. Does not belong here: anything about runs.
No agent is installed on a machine; a shell script of POSIX sh comes with every command. Refused:
one long command line of quoted words, because a login shell need not be a POSIX shell.
"""
