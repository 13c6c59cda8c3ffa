//! Quotas, the audit log and remembered answers in SQL.

use super::{
    transaction::SqliteTransaction,
    value::{self, Columns, Row, Unsigned, execute, first, json, time},
};
use crate::{
    clock::Timestamp,
    store::{
        Result,
        access::{Access, AuditWanted, Audited, Quota, Remembered, Usage},
    },
};
use billet_proto::ProjectId;
use rusqlite::{Connection, OptionalExtension, params};

/// How many rows a purge deletes at once, so that nobody waits long.
const PURGED_AT_ONCE: u32 = 1000;

fn key(project: Option<&ProjectId>) -> &str {
    project.map_or("", ProjectId::as_str)
}

fn quota(connection: &Connection, project: Option<&ProjectId>) -> Result<Option<Quota>> {
    first(connection, "SELECT * FROM quota WHERE project_id = ?1", [key(project)], |row| {
        Ok(Quota {
            instances: row.get("instances")?,
            addresses: row.get("addresses")?,
            images: row.get("images")?,
            vpcs: row.get("vpcs")?,
            subnets: row.get("subnets")?,
        })
    })
}

fn set_quota(connection: &Connection, project: Option<&ProjectId>, quota: &Quota) -> Result<()> {
    execute(
        connection,
        "INSERT OR REPLACE INTO quota (project_id, instances, addresses, images, vpcs, subnets)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![key(project), quota.instances, quota.addresses, quota.images, quota.vpcs, quota.subnets],
    )?;
    Ok(())
}

fn remove_quota(connection: &Connection, project: &ProjectId) -> Result<()> {
    execute(connection, "DELETE FROM quota WHERE project_id = ?1", [project.as_str()])?;
    Ok(())
}

fn usage(connection: &Connection, project: &ProjectId) -> Result<Usage> {
    let count = |sql: &str| -> Result<u64> {
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row([project.as_str()], |row| row.get::<_, Unsigned>(0))?.0)
    };
    Ok(Usage {
        instances: count("SELECT coalesce((SELECT count FROM live_instances WHERE project_id = ?1), 0)")?,
        addresses: count(
            "SELECT (SELECT count(*) FROM reservation JOIN instance ON instance.id = reservation.instance_id
                     WHERE instance.project_id = ?1 AND held_by IS NULL AND plane_subnet_id IS NULL)
                  + (SELECT count(*) FROM reservation WHERE held_by = ?1)",
        )?,
        images: count(
            "SELECT (SELECT count(*) FROM image WHERE project_id = ?1 AND deleted_at IS NULL)
                  + (SELECT count(*) FROM image_import WHERE project_id = ?1 AND ended_at IS NULL)",
        )?,
        vpcs: count("SELECT count(*) FROM vpc WHERE project_id = ?1 AND deleted_at IS NULL")?,
        subnets: count("SELECT count(*) FROM subnet WHERE project_id = ?1")?,
    })
}

/// Rows are numbered upwards by SQLite, so that there are never more than the highest number.
fn usage_at_most(connection: &Connection) -> Result<Usage> {
    let sql = "SELECT coalesce((SELECT max(rowid) FROM instance), 0) AS instances,
        coalesce((SELECT max(rowid) FROM reservation), 0) AS addresses,
        coalesce((SELECT max(rowid) FROM image), 0) + coalesce((SELECT max(rowid) FROM image_import), 0) AS images,
        coalesce((SELECT max(rowid) FROM vpc), 0) AS vpcs,
        coalesce((SELECT max(rowid) FROM subnet), 0) AS subnets";
    let read = |row: &Row<'_>| {
        let number = |column| row.number(column);
        Ok(Usage {
            instances: number("instances")?,
            addresses: number("addresses")?,
            images: number("images")?,
            vpcs: number("vpcs")?,
            subnets: number("subnets")?,
        })
    };
    Ok(first(connection, sql, [], read)?.unwrap_or_default())
}

fn insert_audited(connection: &Connection, line: &Audited) -> Result<()> {
    let sql = "INSERT INTO audit (at, request_id, caller, role, project_id, peer, action, objects, status, code)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        time(line.at),
        line.request_id,
        line.caller,
        line.role,
        line.project_id.as_ref().map(ProjectId::as_str),
        line.peer,
        line.action,
        json(&line.objects),
        line.status,
        line.code,
    ];
    execute(connection, sql, values)?;
    Ok(())
}

fn audited(connection: &Connection, wanted: &AuditWanted) -> Result<Vec<Audited>> {
    value::all(
        connection,
        "SELECT * FROM audit
         WHERE seq < ?1 AND at >= ?2 AND at < ?3
           AND (?4 IS NULL OR project_id = ?4)
           AND (?5 IS NULL OR caller = ?5)
           AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(audit.objects) WHERE value = ?6))
           AND (?7 IS NULL OR request_id = ?7)
         ORDER BY seq DESC LIMIT ?8",
        params![
            wanted.before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX)),
            time(wanted.from.unwrap_or(Timestamp(0))),
            wanted.to.map_or(i64::MAX, |at| i64::try_from(at.0).unwrap_or(i64::MAX)),
            wanted.project_id.as_ref().map(ProjectId::as_str),
            wanted.caller,
            wanted.object,
            wanted.request_id,
            wanted.limit,
        ],
        read_audited,
    )
}

fn read_audited(row: &Row<'_>) -> Result<Audited> {
    Ok(Audited {
        seq: row.number("seq")?,
        at: row.time("at")?,
        request_id: row.get("request_id")?,
        caller: row.get("caller")?,
        role: row.get("role")?,
        project_id: row.optional("project_id")?,
        peer: row.get("peer")?,
        action: row.get("action")?,
        objects: row.json("objects")?,
        status: row.get("status")?,
        code: row.get("code")?,
    })
}

/// The trigger lets go what is older than the mark; the mark is back at 0 before anybody else sees it.
fn purge_audited(connection: &Connection, before: Timestamp) -> Result<u64> {
    let oldest: Option<Unsigned> = connection
        .query_row("SELECT at FROM audit WHERE at < ?1 LIMIT 1", [time(before)], |row| row.get(0))
        .optional()?;
    if oldest.is_none() {
        return Ok(0);
    }
    let mark = |before| execute(connection, "UPDATE audit_retention SET before = ?1", [time(before)]);
    mark(before)?;
    let purged = execute(
        connection,
        "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)",
        params![time(before), PURGED_AT_ONCE],
    )?;
    mark(Timestamp(0))?;
    Ok(purged as u64)
}

fn remember(connection: &Connection, answer: &Remembered) -> Result<()> {
    execute(
        connection,
        "INSERT INTO client_token (project_id, caller, token, request_mac, status, answer, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            answer.project,
            answer.caller,
            answer.token,
            answer.request_mac,
            answer.status,
            answer.answer,
            time(answer.created_at),
        ],
    )?;
    Ok(())
}

fn remembered(connection: &Connection, project: &str, caller: &str, token: &str) -> Result<Option<Remembered>> {
    let sql = "SELECT * FROM client_token WHERE project_id = ?1 AND caller = ?2 AND token = ?3";
    first(connection, sql, [project, caller, token], |row| {
        Ok(Remembered {
            project: row.get("project_id")?,
            caller: row.get("caller")?,
            token: row.get("token")?,
            request_mac: row.digest("request_mac")?,
            status: row.get("status")?,
            answer: row.get("answer")?,
            created_at: row.time("created_at")?,
        })
    })
}

fn forget(connection: &Connection, answer: &Remembered) -> Result<()> {
    execute(
        connection,
        "DELETE FROM client_token WHERE project_id = ?1 AND caller = ?2 AND token = ?3 AND created_at = ?4",
        params![answer.project, answer.caller, answer.token, time(answer.created_at)],
    )?;
    Ok(())
}

fn purge_remembered(connection: &Connection, before: Timestamp) -> Result<u64> {
    let purged = execute(
        connection,
        "DELETE FROM client_token WHERE (project_id, caller, token) IN
         (SELECT project_id, caller, token FROM client_token WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        params![time(before), PURGED_AT_ONCE],
    )?;
    Ok(purged as u64)
}

impl Access for SqliteTransaction<'_> {
    fn quota(&mut self, project: Option<&ProjectId>) -> Result<Option<Quota>> {
        quota(&self.0, project)
    }
    fn set_quota(&mut self, project: Option<&ProjectId>, quota: &Quota) -> Result<()> {
        set_quota(&self.0, project, quota)
    }
    fn remove_quota(&mut self, project: &ProjectId) -> Result<()> {
        remove_quota(&self.0, project)
    }
    fn usage(&mut self, project: &ProjectId) -> Result<Usage> {
        usage(&self.0, project)
    }
    fn usage_at_most(&mut self) -> Result<Usage> {
        usage_at_most(&self.0)
    }

    fn insert_audited(&mut self, line: &Audited) -> Result<()> {
        insert_audited(&self.0, line)
    }
    fn audited(&mut self, wanted: &AuditWanted) -> Result<Vec<Audited>> {
        audited(&self.0, wanted)
    }
    fn has_audited(&mut self, caller: &str) -> Result<bool> {
        let sql = "SELECT seq FROM audit WHERE caller = ?1 LIMIT 1";
        Ok(first(&self.0, sql, [caller], |row| row.number("seq"))?.is_some())
    }
    fn purge_audited(&mut self, before: Timestamp) -> Result<u64> {
        purge_audited(&self.0, before)
    }

    fn remember(&mut self, answer: &Remembered) -> Result<()> {
        remember(&self.0, answer)
    }
    fn remembered(&mut self, project: &str, caller: &str, token: &str) -> Result<Option<Remembered>> {
        remembered(&self.0, project, caller, token)
    }
    fn forget(&mut self, answer: &Remembered) -> Result<()> {
        forget(&self.0, answer)
    }
    fn purge_remembered(&mut self, before: Timestamp) -> Result<u64> {
        purge_remembered(&self.0, before)
    }
}
