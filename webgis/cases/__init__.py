"""A reported thing, from report to close: workflow, deadlines, evidence, history."""
