"""What a run will take: daemons, machines, days and money, before it is started.

Belongs here: computing from rates and prices, as pure functions of values; what was measured, as
values with their sources. Does not belong here: files, runs, the clock and tables for people
(``commands.plan``).

The alternative, a spreadsheet beside the project, knows neither the fields of a run nor what was
measured since.
"""
