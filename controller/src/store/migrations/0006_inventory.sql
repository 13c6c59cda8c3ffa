-- What a ramdisk saw is read by few and as long as the rest of the row, which every step of a deployment reads and writes.

CREATE TABLE inventory (
    server_id TEXT PRIMARY KEY REFERENCES server (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    seen      TEXT NOT NULL
) STRICT;

INSERT INTO inventory SELECT id, inventory FROM server WHERE inventory IS NOT NULL;
ALTER TABLE server DROP COLUMN inventory;
