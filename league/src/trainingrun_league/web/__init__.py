"""Pages for people: the ladder, who beats whom, models, tournaments, games; and a board to play on.

Served by aiohttp beside the services, rendered here (``templates/``), with one script for the board
(``static/``) and nothing from elsewhere. Every page asks the services by RPC, as any client does,
and reads no table. A framework with a build was refused: it would be a second toolchain for one
board.

``site`` is the server; ``pages`` the handlers that read, ``playing`` those by which people play;
``sessions`` knows who somebody is; ``presentation`` turns messages into what templates show.
"""
