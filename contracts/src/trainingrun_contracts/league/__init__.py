"""The services of a league as others reach them: messages and clients (gRPC).

Generated code is in ``v1`` (``tools.league_code``). Needs the extra ``league``.
"""
