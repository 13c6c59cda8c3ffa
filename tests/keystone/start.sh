#!/bin/sh
# Starts a real Keystone on SQLite and loopback, and goes on until it is stopped.
#
#   start.sh FOLDER PORT
#
# The first run makes FOLDER/venv from requirements.txt (KEYSTONE_VENV names another place) and a database with the user
# `admin`, whose password is `bootstrap`. A later run on the same folder finds all of it again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
port=$2
venv=${KEYSTONE_VENV:-$folder/venv}
umask 077
mkdir -p "$folder"
if [ ! -x "$venv/bin/keystone-manage" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
fi
conf=$folder/keystone.conf
if [ ! -f "$folder/ready" ]; then
    rm -rf "$folder/keystone.db" "$folder/fernet" "$folder/credential"
    mkdir -p "$folder/fernet" "$folder/credential"
    cat >"$conf" <<CONF
[DEFAULT]
log_file = $folder/keystone.log
[database]
connection = sqlite:///$folder/keystone.db
[fernet_tokens]
key_repository = $folder/fernet
[credential]
key_repository = $folder/credential
[token]
provider = fernet
CONF
    user=$(id -un) group=$(id -gn)
    manage() { "$venv/bin/keystone-manage" --config-file "$conf" "$@"; }
    manage db_sync
    manage fernet_setup --keystone-user "$user" --keystone-group "$group"
    manage credential_setup --keystone-user "$user" --keystone-group "$group"
    manage bootstrap --bootstrap-password bootstrap --bootstrap-region-id one \
        --bootstrap-public-url "http://127.0.0.1:$port/v3/"
    # A reader that Keystone leaves open must not lock writers out.
    "$venv/bin/python" -c "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode=WAL')" \
        "$folder/keystone.db"
    touch "$folder/ready"
fi
exec "$venv/bin/python" "$here/serve.py" "$conf" "$port"
