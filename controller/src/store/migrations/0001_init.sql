-- Ids, addresses and words are text, so that an operator can read the file with any SQLite shell.
-- Times are milliseconds since 1970-01-01 UTC. Lists that nothing searches are JSON.
-- References are checked at commit, so that a transaction may write its rows in any order.

CREATE TABLE agent (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL UNIQUE,
    certificate_sha256 BLOB NOT NULL UNIQUE,
    key_sha256         BLOB NOT NULL,
    join_secret_sha256 BLOB NOT NULL,
    epoch              INTEGER NOT NULL,
    joined_at          INTEGER NOT NULL
) STRICT;

CREATE TABLE join_token (
    secret_sha256 BLOB PRIMARY KEY,
    agent_name    TEXT NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE server (
    id                         TEXT PRIMARY KEY,
    registered_agent           TEXT REFERENCES agent (id) DEFERRABLE INITIALLY DEFERRED,
    owner                      TEXT REFERENCES agent (id) DEFERRABLE INITIALLY DEFERRED,
    project_id                 TEXT,
    uuid                       TEXT NOT NULL,
    serial                     TEXT NOT NULL,
    macs                       TEXT NOT NULL,
    roles                      TEXT NOT NULL,
    clear_other_bootable_disks INTEGER NOT NULL,
    manage_state               TEXT NOT NULL,
    unwiped                    INTEGER NOT NULL,
    generation                 INTEGER NOT NULL,
    onboard_time               INTEGER NOT NULL
) STRICT;

CREATE TABLE image (
    id              TEXT PRIMARY KEY,
    project_id      TEXT,
    name            TEXT NOT NULL,
    os_type         TEXT NOT NULL,
    size_bytes      INTEGER NOT NULL,
    sha256          TEXT NOT NULL,
    manifest_digest BLOB NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE vpc (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    cidr       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX vpc_of_project ON vpc (project_id, id);

CREATE TABLE subnet (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    vpc_id     TEXT NOT NULL REFERENCES vpc (id) DEFERRABLE INITIALLY DEFERRED,
    name       TEXT NOT NULL,
    cidr       TEXT NOT NULL,
    gateway    TEXT NOT NULL,
    dns        TEXT NOT NULL,
    reserved   TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX subnet_of_project ON subnet (project_id, id);

CREATE TABLE instance (
    id            TEXT PRIMARY KEY,
    version       INTEGER NOT NULL,
    project_id    TEXT NOT NULL,
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    image_id      TEXT NOT NULL REFERENCES image (id) DEFERRABLE INITIALLY DEFERRED,
    vpc_id        TEXT NOT NULL REFERENCES vpc (id) DEFERRABLE INITIALLY DEFERRED,
    server_id     TEXT NOT NULL REFERENCES server (id) DEFERRABLE INITIALLY DEFERRED,
    nics          TEXT NOT NULL,
    phase         TEXT NOT NULL,
    waiting_for   TEXT NOT NULL,
    deadline      INTEGER,
    generation    INTEGER NOT NULL,
    password_hash BLOB,
    metadata      BLOB,
    error_cause   TEXT,
    error_message TEXT,
    host_key      TEXT,
    proof         TEXT,
    boot_trust    TEXT,
    clear_other_bootable_disks INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    launched_at   INTEGER,
    terminated_at INTEGER
) STRICT;

-- A server has one instance.
CREATE UNIQUE INDEX instance_on_server ON instance (server_id) WHERE phase <> 'terminated';
CREATE INDEX instance_of_project ON instance (project_id, id);
CREATE INDEX instance_unfinished ON instance (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX instance_terminated ON instance (terminated_at) WHERE phase = 'terminated';

-- An address has one owner within its VPC.
CREATE TABLE reservation (
    vpc_id      TEXT NOT NULL REFERENCES vpc (id) DEFERRABLE INITIALLY DEFERRED,
    address     TEXT NOT NULL,
    subnet_id   TEXT NOT NULL REFERENCES subnet (id) DEFERRABLE INITIALLY DEFERRED,
    instance_id TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (vpc_id, address)
) STRICT, WITHOUT ROWID;

CREATE INDEX reservation_of_instance ON reservation (instance_id);

-- AUTOINCREMENT: a number is never given twice, even after the newest rows were purged.
CREATE TABLE event (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id      TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    at               INTEGER NOT NULL,
    kind             TEXT NOT NULL,
    step             TEXT NOT NULL,
    message          TEXT NOT NULL,
    done_bytes       INTEGER,
    total_bytes      INTEGER,
    bytes_per_second INTEGER
) STRICT;

CREATE INDEX event_of_instance ON event (instance_id, seq);
