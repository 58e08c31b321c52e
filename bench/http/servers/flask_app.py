"""The measured app on Flask: its own cookie, Flask-Session, or no session (BENCH_LIBRARY, BENCH_KIND)."""

import json
import os
import time

from flask import Flask, redirect, session

library = os.environ["BENCH_LIBRARY"]
values = json.loads(os.environ["BENCH_VALUES"])
texts = json.loads(os.environ["BENCH_PAGES"])

app = Flask(__name__)
app.secret_key = os.environ["BENCH_SECRET"]
if library == "flask-session":
    from flask_session import Session

    if os.environ["BENCH_KIND"] == "redis":
        import redis

        app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.from_url(os.environ["BENCH_REDIS"]))
    else:
        from cachelib import FileSystemCache

        # Beyond its threshold it drops sessions; 500 is the default.
        store = FileSystemCache(os.path.join(os.environ["BENCH_FOLDER"], "flask_session"), threshold=100_000)
        app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=store)
    Session(app)


@app.get("/plain")
def plain():
    return texts["plain"]


def page():
    if "user" not in session:
        return texts["empty"]
    s = session
    return f"{s['user']} {s['theme']} {s['locale']} {s['visits']} {len(s['cart'])} {len(s['token'])}"


@app.get("/read")
def read():
    return page()


@app.get("/write")
def write():
    session["visits"] += 1
    return str(session["visits"])


@app.get("/enter")
def enter():
    session.update(values)
    return "entered"


@app.get("/enter-and-see")
def enter_and_see():
    session.update(values)
    return redirect("/read")


@app.get("/leave")
def leave():
    session.clear()
    return "left"


@app.get("/slow-count")
def slow_count():
    session.get("visits")
    time.sleep(0.01)
    session["visits"] += 1
    return str(session["visits"])


@app.get("/slow-mark")
def slow_mark():
    page()
    time.sleep(0.08)
    session["marked"] = "late"
    return "marked"


@app.get("/slow-read")
def slow_read():
    page()
    time.sleep(0.08)
    return page()
