"""A Flask app whose twin is test/flask/twin.ts: the same routes, on the same sessions.

python twin.py PORT CONFIG, where CONFIG is JSON: Flask's keys, and for Flask-Session REDIS_PORT, MEMCACHED_PORT or DATABASE
(a URL of SQLAlchemy). POST /config changes keys while it runs. Values travel in the notation of flask-vectors.json.
"""

import datetime
import json
import sys
import threading
import uuid

from flask import Flask, flash, get_flashed_messages, request, session
from markupsafe import Markup

port, config = int(sys.argv[1]), json.loads(sys.argv[2])
app = Flask(__name__)
redis_port = config.pop("REDIS_PORT", None)
memcached_port = config.pop("MEMCACHED_PORT", None)
database = config.pop("DATABASE", None)
app.config.from_mapping(config)

if redis_port is not None:
    from redis import Redis

    app.config["SESSION_REDIS"] = Redis(port=redis_port)
if memcached_port is not None:
    from pymemcache.client.base import PooledClient

    app.config["SESSION_MEMCACHED"] = PooledClient(("127.0.0.1", memcached_port))
if database is not None:
    from flask_sqlalchemy import SQLAlchemy

    app.config["SQLALCHEMY_DATABASE_URI"] = database
    app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
if "SESSION_TYPE" in config:
    from flask_session import Session

    Session(app)


def live(node):
    kind, *rest = node
    content = rest[0] if rest else None
    if kind == "null":
        return None
    if kind in ("bool", "str"):
        return content
    if kind == "int":
        return int(content)
    if kind == "float":
        return float(content)
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "list":
        return [live(part) for part in content]
    if kind == "tuple":
        return tuple(live(part) for part in content)
    if kind == "dict":
        return {live(key): live(part) for key, part in content}
    if kind == "markup":
        return Markup(content)
    if kind == "uuid":
        return uuid.UUID(content)
    if kind == "datetime":
        return datetime.datetime.fromisoformat(content)
    raise ValueError(kind)


def typed(value):
    if value is None:
        return ["null"]
    kind = type(value)
    if kind in (bool, str):
        return [kind.__name__, value]
    if kind in (int, float):
        return [kind.__name__, repr(value)]
    if kind is bytes:
        return ["bytes", value.hex()]
    if kind in (list, tuple):
        return [kind.__name__, [typed(part) for part in value]]
    if kind is Markup:
        return ["markup", str(value)]
    if kind is uuid.UUID:
        return ["uuid", str(value)]
    if kind is datetime.datetime:
        return ["datetime", value.isoformat()]
    return ["dict", [[typed(key), typed(part)] for key, part in value.items()]]


@app.get("/")
def all_of_it():
    return typed({key: value for key, value in session.items() if key not in ("_permanent", "_flashes")})


@app.post("/login")
def login():
    session["name"] = request.args["name"]
    session["visits"] = 0
    flash(f"Welcome, {session['name']}", "success")
    return "in"


@app.post("/logout")
def logout():
    session.clear()
    return "out"


@app.post("/visit")
def visit():
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.post("/flash")
def flash_one():
    flash(request.args["text"], request.args["category"])
    return "flashed"


@app.post("/flashes")
def flashes():
    return [list(entry) for entry in get_flashed_messages(with_categories=True)]


@app.post("/permanent")
def permanent():
    session.permanent = request.args["on"] == "1"
    return "set"


@app.get("/permanent")
def is_permanent():
    return "1" if session.permanent else "0"


@app.post("/put")
def put():
    session[request.args["key"]] = live(request.get_json())
    return "put"


@app.post("/pop")
def pop():
    return typed(session.pop(request.args["key"], None))


@app.post("/begin")
def begin():
    for step in request.args["do"].split():
        if step in ("on", "off"):
            session.permanent = step == "on"
        elif step == "clear":
            session.clear()
        else:
            session[step] = 1
    return "begun"


read, go_on = threading.Event(), threading.Event()


@app.post("/slow")
def slow():
    """Reads the session and changes it when told to."""
    session.get("name")
    read.set()
    go_on.wait(60)
    session["late"] = 1
    return "late"


@app.get("/slow")
def is_slow():
    return "1" if read.is_set() else "0"


@app.post("/go-on")
def let_it_go_on():
    go_on.set()
    return "gone on"


@app.post("/config")
def configure():
    keys = request.get_json()
    app.config.update(keys)
    if "SESSION_PERMANENT" in keys:
        app.session_interface.permanent = keys["SESSION_PERMANENT"]
    return "configured"


@app.post("/cookies")
def cookies():
    """Cookies with the value of each session: Flask's own interface, without a request."""
    serializer = app.session_interface.get_signing_serializer(app)
    return [serializer.dumps(live(node)) for node in request.get_json()]


@app.post("/sessions")
def sessions():
    """What Flask reads in each cookie."""
    serializer = app.session_interface.get_signing_serializer(app)
    return [typed(serializer.loads(cookie)) for cookie in request.get_json()]


@app.get("/ready")
def ready():
    return "ready"


app.run(host="127.0.0.1", port=port, threaded=True)
