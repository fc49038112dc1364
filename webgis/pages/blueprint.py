"""The blueprint that all pages stand on, and the answer that leads on from a form."""

from apiflask import APIBlueprint
from flask import jsonify, redirect, request

pages = APIBlueprint("pages", __name__, enable_openapi=False)


def go(address: str):
    """On to another page; a form that was sent by script is told the address instead."""
    return jsonify(go=address) if request.headers.get("X-Stay") else redirect(address, 303)
