"""Maps: their layers, the data they show, and their drawing with Folium. A map is a picture of the database."""
