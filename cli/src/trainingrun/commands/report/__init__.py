"""``trainingrun report``: one HTML page about a run, for a browser that is offline.

Belongs here: what the page says, how it is drawn, and keeping it up to date. Does not belong here:
how a place is asked (``trainingrun.sdk``), and ``summary.json`` of ``trainingrun local``
(``commands.local.report``), which is for programs.

material (what is known) → sections (what is said of it) → page (one file); charts, tables and
markup draw. Charts are SVG that is written here: a library for the browser would have to be shipped
in every page, and the page would be empty where scripts are off.
"""
