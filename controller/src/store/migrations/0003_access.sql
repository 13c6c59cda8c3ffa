-- Who may use how much, who did what, and what was answered to whom.

-- '' is every project without a row of its own: what the configuration says, written at each start.
CREATE TABLE quota (
    project_id TEXT PRIMARY KEY,
    instances  INTEGER NOT NULL,
    addresses  INTEGER NOT NULL,
    images     INTEGER NOT NULL
) STRICT;



-- AUTOINCREMENT: a number is never given twice, so that a gap tells of a row that is gone.
CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    caller     TEXT NOT NULL,
    role       TEXT NOT NULL,
    project_id TEXT,
    peer       TEXT NOT NULL,
    action     TEXT NOT NULL,
    objects    TEXT NOT NULL,
    status     INTEGER NOT NULL,
    code       TEXT NOT NULL
) STRICT;

CREATE INDEX audit_of_project ON audit (project_id, seq);
CREATE INDEX audit_of_caller ON audit (caller, seq);
CREATE INDEX audit_at ON audit (at);

-- What is older may be deleted: 0 but within the transaction of a purge.
CREATE TABLE audit_retention (before INTEGER NOT NULL) STRICT;
INSERT INTO audit_retention VALUES (0);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_is_deleted_by_retention_alone BEFORE DELETE ON audit
WHEN OLD.at >= (SELECT max(before) FROM audit_retention)
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;

-- Answers to calls with an X-Client-Token. The MAC is of the whole request, keyed: its body holds a password.
CREATE TABLE client_token (
    project_id  TEXT NOT NULL,
    caller      TEXT NOT NULL,
    token       TEXT NOT NULL,
    request_mac BLOB NOT NULL,
    status      INTEGER NOT NULL,
    answer      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (project_id, caller, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX client_token_age ON client_token (created_at);
