"""Lines and their structures, and the land beside them where rules hold."""
