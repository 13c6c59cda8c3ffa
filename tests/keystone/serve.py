"""Serves Keystone's WSGI application on loopback: serve.py CONFIGURATION PORT."""

import os
import sys

from werkzeug.serving import run_simple

configuration, port = sys.argv[1], int(sys.argv[2])
os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
sys.argv = sys.argv[:1]

from keystone.server.wsgi import initialize_public_application  # noqa: E402  (reads the environment)

# One thread: SQLite has one writer.
run_simple("127.0.0.1", port, initialize_public_application(), threaded=False)
