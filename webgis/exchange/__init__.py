"""In and out: files of what the city has."""
