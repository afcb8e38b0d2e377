"""The explorer: a page that shows where directions lead."""
