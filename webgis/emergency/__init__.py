"""Emergency command: an event that several agencies work on, its plan, tasks, resources, log and CAP messages."""
