"""What the city is: areas, cells and their history; which cell holds a point."""
