-- Machines that had a server's place before another took it, and may hold what a tenant left; and what the agent names while an
-- instance is on a server, where that is another machine.

ALTER TABLE server ADD COLUMN former_machines TEXT NOT NULL DEFAULT '[]';
ALTER TABLE server ADD COLUMN claimed_marks TEXT;
