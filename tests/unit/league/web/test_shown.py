"""Texts of others in pages: nothing in them turns the direction of writing or is invisible."""

from __future__ import annotations

from markupsafe import Markup
from trainingrun_league.web.context import new_templates


def test_what_steers_is_shown_as_escapes() -> None:
    """Expect line breaks, letters and our own markup to stay."""
    page = new_templates().from_string("<p>{{ text }}</p>{{ markup }}")
    found = page.render(text="a\u202eb\x1b[2J\nü<i>", markup=Markup("<b>ok</b>"))
    assert found == "<p>a\\u202eb\\x1b[2J\nü&lt;i&gt;</p><b>ok</b>"
