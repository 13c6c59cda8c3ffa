-- Since when an order waits for what it waits for, which try that is, and when the next one comes; and by when an order that no
-- agent has taken up is sent again.

ALTER TABLE instance ADD COLUMN waiting TEXT NOT NULL DEFAULT '{}';
ALTER TABLE instance ADD COLUMN resend_at INTEGER;
ALTER TABLE server ADD COLUMN task_resend_at INTEGER;
UPDATE instance SET waiting = json_object('since', updated_at) WHERE deadline IS NOT NULL;
-- What nobody had taken up is sent again at once.
UPDATE instance SET waiting = json_object('since', updated_at, 'attempt', 1, 'next_try_at', updated_at, 'untaken', json('true')),
    resend_at = updated_at WHERE phase = 'waiting';
UPDATE server SET task = json_set(task, '$.waiting', json_object('since', task ->> '$.began_at', 'attempt', 1,
        'next_try_at', task ->> '$.began_at', 'untaken', json('true'))),
    task_resend_at = task ->> '$.began_at' WHERE task IS NOT NULL AND task ->> '$.step' = '';
CREATE INDEX instance_untaken ON instance (resend_at) WHERE resend_at IS NOT NULL;
CREATE INDEX server_untaken ON server (task_resend_at) WHERE task_resend_at IS NOT NULL;
