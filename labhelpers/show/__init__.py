"""Results for the eye: tables for a terminal, figures for a page, the report as HTML."""
