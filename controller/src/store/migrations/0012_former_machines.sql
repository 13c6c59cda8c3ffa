-- Machines that had a server's place before another took it, and may hold what a tenant left.

ALTER TABLE server ADD COLUMN former_machines TEXT NOT NULL DEFAULT '[]';
