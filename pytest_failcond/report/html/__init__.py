"""The run as HTML: fragments for pytest-html's report, and a page of its own.

`parts` alone writes tags and makes HTML, which is a type of its own; text and attributes are escaped there.
"""

from __future__ import annotations

from pytest_failcond.report.html.details import details
from pytest_failcond.report.html.page import is_page, page
from pytest_failcond.report.html.summary import summary

__all__ = ["details", "is_page", "page", "summary"]
