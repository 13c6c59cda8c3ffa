-- By what a machine is known that a server had before another took its place, while what a tenant left on it is not erased.

ALTER TABLE server ADD COLUMN former_marks TEXT NOT NULL DEFAULT '[]';
