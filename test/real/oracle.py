"""Answers questions about Python's own formats: one JSON object a line in, one a line out.

{"op": "encode", "format": f, "values": [typed, ...]}  -> {"ok": [hex or null, ...]}
{"op": "decode", "format": f, "values": [hex, ...]}    -> {"ok": [typed or null, ...]}
{"op": "versions"}                                     -> {"ok": {name: version}}
{"op": "cache", "directory": d, "hash": h, "threshold": t, "do": [[verb, key, typed, timeout], ...]} -> {"ok": [...]}

Formats: msgpack and json (msgspec), pickle, python-json, tagged (Flask's cookies, unsigned). Typed values are in the
notation of test/fixtures/flask-vectors.json; null answers stand for an exception.
"""

import datetime
import decimal
import hashlib
import importlib.metadata
import json
import pickle
import sys
import uuid

import flask
import msgspec
from cachelib.file import FileSystemCache
from flask.json.tag import TaggedJSONSerializer
from markupsafe import Markup

app = flask.Flask(__name__)
tagged = TaggedJSONSerializer()


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
    if kind == "bytearray":
        return bytearray.fromhex(content)
    if kind == "list":
        return [live(part) for part in content]
    if kind == "tuple":
        return tuple(live(part) for part in content)
    if kind == "set":
        return {live(part) for part in content}
    if kind == "frozenset":
        return frozenset(live(part) for part in content)
    if kind == "dict":
        return {live(key): live(part) for key, part in content}
    if kind == "markup":
        return Markup(content)
    if kind == "uuid":
        return uuid.UUID(content)
    if kind == "decimal":
        return decimal.Decimal(content)
    if kind == "datetime":
        return datetime.datetime.fromisoformat(content)
    if kind == "date":
        return datetime.date.fromisoformat(content)
    if kind == "time":
        return datetime.time.fromisoformat(content)
    if kind == "timedelta":
        return datetime.timedelta(*content)
    if kind == "ext":
        return msgspec.msgpack.Ext(content, bytes.fromhex(rest[1]))
    raise ValueError(kind)


def typed(value):
    if value is None:
        return ["null"]
    kind = type(value)
    if kind in (bool, str):
        return [kind.__name__, value]
    if kind in (int, float):
        return [kind.__name__, repr(value)]
    if kind in (bytes, bytearray):
        return [kind.__name__, value.hex()]
    if kind in (list, tuple):
        return [kind.__name__, [typed(part) for part in value]]
    if kind in (set, frozenset):
        return [kind.__name__, [typed(part) for part in value]]
    if kind is dict:
        return ["dict", [[typed(key), typed(part)] for key, part in value.items()]]
    if kind is Markup:
        return ["markup", str(value)]
    if kind is uuid.UUID:
        return ["uuid", str(value)]
    if kind is decimal.Decimal:
        return ["decimal", str(value)]
    if kind in (datetime.datetime, datetime.date, datetime.time):
        return [kind.__name__, value.isoformat()]
    if kind is datetime.timedelta:
        return ["timedelta", [value.days, value.seconds, value.microseconds]]
    if kind is msgspec.msgpack.Ext:
        return ["ext", value.code, bytes(value.data).hex()]
    raise ValueError(kind)


def tagged_dumps(value):
    with app.app_context():
        return tagged.dumps(value).encode()


encoders = {
    "msgpack": msgspec.msgpack.Encoder().encode,
    "json": msgspec.json.Encoder().encode,
    "pickle": lambda value: pickle.dumps(value, pickle.HIGHEST_PROTOCOL),
    "pickle-2": lambda value: pickle.dumps(value, 2),
    "pickle-3": lambda value: pickle.dumps(value, 3),
    "pickle-4": lambda value: pickle.dumps(value, 4),
    "python-json": lambda value: json.dumps(value).encode(),
    "tagged": tagged_dumps,
}
decoders = {
    "msgpack": msgspec.msgpack.Decoder().decode,
    "json": msgspec.json.Decoder().decode,
    "pickle": pickle.loads,
    "python-json": json.loads,
    "tagged": tagged.loads,
}


def each(work, values):
    answers = []
    for value in values:
        try:
            answers.append(work(value))
        except Exception:
            answers.append(None)
    return answers


def cached(question):
    """What a FileSystemCache answers to set, get, delete and count, one after the other."""
    hash_method = getattr(hashlib, question["hash"])
    cache = FileSystemCache(question["directory"], threshold=question["threshold"], hash_method=hash_method)
    answers = []
    for verb, key, value, timeout in question["do"]:
        if verb == "set":
            answers.append(cache.set(key, live(value), timeout=timeout))
        elif verb == "get":
            answers.append(typed(cache.get(key)))
        elif verb == "delete":
            answers.append(cache.delete(key))
        else:
            answers.append(cache.get("__wz_cache_count"))
    return answers


def answer(question):
    op = question["op"]
    if op == "cache":
        return cached(question)
    if op == "versions":
        names = ["Flask", "Flask-Session", "cachelib", "msgspec", "redis", "SQLAlchemy", "Flask-SQLAlchemy"]
        found = {name: importlib.metadata.version(name) for name in names}
        return {"Python": sys.version.split()[0], **found}
    if op == "encode":
        encode = encoders[question["format"]]
        return each(lambda value: encode(live(value)).hex(), question["values"])
    if op == "decode":
        decode = decoders[question["format"]]
        return each(lambda value: typed(decode(bytes.fromhex(value))), question["values"])
    raise ValueError(op)


for line in sys.stdin:
    try:
        reply = {"ok": answer(json.loads(line))}
    except Exception as error:
        reply = {"error": repr(error)}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
