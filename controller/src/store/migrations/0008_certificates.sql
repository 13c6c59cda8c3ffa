-- An agent renews its certificate: the next one stands beside the one in use until the agent called with it. One that was
-- revoked stays on record, because servers name its agent, and counts for nothing.

ALTER TABLE agent ADD COLUMN next_certificate_sha256 BLOB;
ALTER TABLE agent ADD COLUMN next_key_sha256 BLOB;
ALTER TABLE agent ADD COLUMN next_issued_at INTEGER;
ALTER TABLE agent ADD COLUMN revoked_at INTEGER;

CREATE UNIQUE INDEX agent_next_certificate ON agent (next_certificate_sha256);
