-- Every operation of an instance, and work on a server without one.

ALTER TABLE instance ADD COLUMN operation TEXT NOT NULL DEFAULT 'install';
UPDATE instance SET operation = 'uninstall' WHERE phase IN ('releasing', 'release-failed', 'terminated');
UPDATE instance SET phase = 'failed' WHERE phase IN ('install-failed', 'release-failed');
-- When the operation in progress, or the last one, was accepted.
ALTER TABLE instance ADD COLUMN operation_began_at INTEGER NOT NULL DEFAULT 0;
UPDATE instance SET operation_began_at = created_at;
-- The network that a change of address is to bring about, as JSON.
ALTER TABLE instance ADD COLUMN network_change TEXT;
-- crypt(3), sealed: written to the disk at the next boot.
ALTER TABLE instance ADD COLUMN next_password_hash BLOB;
ALTER TABLE instance ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE instance ADD COLUMN ssh_keys TEXT NOT NULL DEFAULT '[]';
ALTER TABLE instance ADD COLUMN user_data BLOB;
ALTER TABLE instance ADD COLUMN disk_serial TEXT;
-- The wipe before it, as JSON.
ALTER TABLE instance ADD COLUMN wipe_before TEXT;
-- The signed birth certificate.
ALTER TABLE instance ADD COLUMN receipt TEXT;

ALTER TABLE server ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE server ADD COLUMN location TEXT NOT NULL DEFAULT '{}';
ALTER TABLE server ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE server ADD COLUMN wipe_policy TEXT NOT NULL DEFAULT 'full';
ALTER TABLE server ADD COLUMN power_on INTEGER;
ALTER TABLE server ADD COLUMN operation_state TEXT NOT NULL DEFAULT '';
ALTER TABLE server ADD COLUMN error_cause TEXT;
ALTER TABLE server ADD COLUMN error_message TEXT;
-- The automatic inspection may power off a server that is on.
ALTER TABLE server ADD COLUMN allow_reset INTEGER NOT NULL DEFAULT 0;
-- What a ramdisk saw last, and when.
ALTER TABLE server ADD COLUMN inventory TEXT;
ALTER TABLE server ADD COLUMN inspected_at INTEGER;
ALTER TABLE server ADD COLUMN last_wipe TEXT;
-- Work on the server itself, as JSON, and when it becomes an error.
ALTER TABLE server ADD COLUMN task TEXT;
ALTER TABLE server ADD COLUMN task_deadline INTEGER;
UPDATE server SET roles = replace(roles, '"tenant"', '"vpc"');

-- What choices and counts look at, without the rows, which carry inventories.
CREATE INDEX server_standing ON server (manage_state, id, project_id, registered_agent, owner, task_deadline);
CREATE INDEX server_of_owner ON server (owner);
CREATE INDEX server_unfinished ON server (task_deadline) WHERE task_deadline IS NOT NULL;

-- The part of the inventory that lists show; pages, filters and counters look at no whole row but those they answer.
ALTER TABLE server ADD COLUMN hardware TEXT;
CREATE INDEX server_of_project ON server (project_id, id);
CREATE INDEX server_counted ON server (manage_state, power_on, json_extract(location, '$.dc'), id);
CREATE INDEX instance_occupies ON instance (project_id, server_id, phase) WHERE phase <> 'terminated';

-- Which instances are on record for a server: it cannot be forgotten before them.
CREATE INDEX instance_of_server ON instance (server_id);

-- What happened to a server, whoever's instance was on it.
CREATE TABLE server_event (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id TEXT NOT NULL REFERENCES server (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    at        INTEGER NOT NULL,
    level     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    message   TEXT NOT NULL
) STRICT;

CREATE INDEX server_event_of_server ON server_event (server_id, at);
CREATE INDEX server_event_at ON server_event (at);

-- Lists, and their totals, without those that are gone.
CREATE INDEX instance_live ON instance (project_id, id, phase) WHERE phase <> 'terminated';
CREATE INDEX instance_by_name ON instance (project_id, name);
