"""What people look at: login, list, report form, case, map, errors. Words and layout only; the verbs are elsewhere."""
