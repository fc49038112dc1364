"""How the city does: figures of a span by place, department, class and source, and their tables for a spreadsheet."""
