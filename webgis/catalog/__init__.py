"""Classes of components and matters by standard version, and the filing standards of a city."""
