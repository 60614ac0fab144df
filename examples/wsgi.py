# A WSGI app for gunicorn, which takes its socket from phd: curl http://127.0.0.1:8714/

import os


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"hello from {os.environ['PHD_NAME']}\n".encode()]
