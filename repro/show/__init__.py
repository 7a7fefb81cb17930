"""For eyes and other tools: figures, tables, pages, exports, the report."""
