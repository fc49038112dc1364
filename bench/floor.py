"""The floor of `python -m bench cycle`: a Flask view that writes the request's body in one INSERT and commits."""

import os
import threading

import psycopg2
from flask import Flask, request
from sqlalchemy import make_url


def create_app() -> Flask:
    """An application with one view and a connection for each thread."""
    app = Flask("floor")
    url = make_url(os.environ["WEBGIS_DATABASE_URL"]).set(drivername="postgresql")
    address = url.render_as_string(hide_password=False)
    local = threading.local()

    @app.post("/")
    def insert():
        if not hasattr(local, "connection"):
            local.connection = psycopg2.connect(address)
        with local.connection, local.connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO public.floor (body) VALUES (%s) RETURNING id", (request.get_data(as_text=True),)
            )
            return {"id": cursor.fetchone()[0]}

    return app
