-- How many instances of a project there are that are not terminated: asked for with every page of a list and every
-- creation, and so not counted each time.

CREATE TABLE live_instances (
    project_id TEXT PRIMARY KEY,
    count      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO live_instances SELECT project_id, count(*) FROM instance WHERE phase <> 'terminated' GROUP BY project_id;

CREATE TRIGGER instance_lives AFTER INSERT ON instance WHEN NEW.phase <> 'terminated'
BEGIN
    INSERT INTO live_instances VALUES (NEW.project_id, 1) ON CONFLICT (project_id) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER instance_ends AFTER UPDATE OF phase ON instance WHEN OLD.phase <> 'terminated' AND NEW.phase = 'terminated'
BEGIN
    UPDATE live_instances SET count = count - 1 WHERE project_id = OLD.project_id;
END;

CREATE TRIGGER instance_lives_again AFTER UPDATE OF phase ON instance
WHEN OLD.phase = 'terminated' AND NEW.phase <> 'terminated'
BEGIN
    INSERT INTO live_instances VALUES (NEW.project_id, 1) ON CONFLICT (project_id) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER instance_goes AFTER DELETE ON instance WHEN OLD.phase <> 'terminated'
BEGIN
    UPDATE live_instances SET count = count - 1 WHERE project_id = OLD.project_id;
END;
