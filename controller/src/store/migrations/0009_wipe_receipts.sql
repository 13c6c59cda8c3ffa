-- A signed receipt for each disk that was erased. It names its server and holds no reference to it: it stays when the
-- server is forgotten.

CREATE TABLE wipe_receipt (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    server_id   TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    disk_serial TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    jws         TEXT NOT NULL
) STRICT;

CREATE INDEX wipe_receipt_of_server ON wipe_receipt (server_id, seq);
CREATE INDEX wipe_receipt_at ON wipe_receipt (recorded_at);
