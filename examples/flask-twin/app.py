"""Logs a visitor in, and out again: in Flask. Its twin in TypeScript is app.ts."""

import logging
import os
import sys
import threading

from flask import Flask, flash, redirect, render_template, request, session
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.serving import make_server

here = os.path.dirname(os.path.abspath(__file__))
about = {
    "title": "Flask twin",
    "framework": "Flask",
    "lives": "The session lives in your browser, in one signed cookie that both apps read and write.",
}

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
app.config["SESSION_COOKIE_NAME"] = "twin_session"
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
app.config["SESSION_REFRESH_EACH_REQUEST"] = False
app.jinja_loader = ChoiceLoader(
    [FileSystemLoader(os.path.join(here, "templates")), FileSystemLoader(os.path.join(here, "../shared"))]
)
app.context_processor(lambda: {"app": about, "here": "Flask", "there": "TypeScript"})


@app.after_request
def keep_nowhere(response):
    response.headers["Cache-Control"] = "no-store"
    return response


@app.get("/")
def index():
    if not session.get("name"):
        return redirect("/login")
    return render_template("index.html")


@app.get("/login")
def login_page():
    return render_template("login.html")


@app.post("/login")
def login():
    name = " ".join(request.form.get("name", "").split())
    if not name or len(name) > 100:
        problem = "Please enter a name of at most 100 characters."
        return render_template("login.html", typed=name, problem=problem), 422
    session.clear()
    session["name"] = name
    flash(f"Flask has logged you in, {name}.")
    return redirect("/")


@app.get("/logout")
def logout():
    session.clear()
    flash("Flask has logged you out.")
    return redirect("/login")


def end_with_the_front():
    sys.stdin.read()
    os._exit(0)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=end_with_the_front, daemon=True).start()
print(server.server_port, flush=True)
server.serve_forever()
