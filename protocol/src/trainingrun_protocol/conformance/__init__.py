"""Conformance vectors: what any daemon must say, as text files, and the reading of them.

Belongs here: the small language of the vectors (``script``), what a DECISION must hold
(``fields``, ``checks``), the clients that play a vector's games (``styles``), and the replay
(``replay``), which gives effects to be carried out and takes what was observed. Does not belong
here: sockets and clocks (the command line carries the effects out), and anything that only our
own engine does. pytest as the vectors' language was refused: somebody who writes a daemon in Java
must be able to read what is expected, and to replay it with one command.

``library`` gives the vectors that come with the package; they are copies of those in
``tests/protocol`` (``generate``).
"""
