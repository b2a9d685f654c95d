"""What a run will take: daemons, machines, days and money, before it is started.

Belongs here: reckoning from rates and prices, as pure functions of values; what the documents say
and what was measured, as values with their sources; the documents' own tables, row by row. Does not
belong here: files, runs, the clock and tables for people (``cli.plan``).

The alternative, a spreadsheet beside the project, knows neither the fields of a run nor what was
measured since.
"""
