-- What a server was like when it was enrolled, and what was seen of it since: what an operating system's root can change
-- beside the disks. Read when an inspection or a wipe begins and ends, and by nobody else.

CREATE TABLE baseline (
    server_id   TEXT PRIMARY KEY REFERENCES server (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    recorded_at INTEGER NOT NULL,
    facts       TEXT NOT NULL
) STRICT;

CREATE TABLE baseline_seen (
    server_id  TEXT PRIMARY KEY REFERENCES server (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    generation INTEGER NOT NULL,
    facts      TEXT NOT NULL
) STRICT;
