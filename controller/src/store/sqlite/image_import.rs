//! Images in the making, in SQL.

use super::value::{Columns, Row, all, execute, first, met_one, time};
use crate::{
    clock::Timestamp,
    store::{
        ImagesWanted, Result, StoreError,
        record::{ImageImport, ImportStatus},
    },
};
use billet_proto::{ImageId, ProjectId};
use rusqlite::{Connection, params};

pub(super) fn insert(connection: &Connection, import: &ImageImport) -> Result<()> {
    execute(
        connection,
        "INSERT INTO image_import
         (id, project_id, by_project, name, os_type, url, sha256, status, reason, created_at, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            import.id.to_string(),
            import.project_id.as_ref().map(ProjectId::as_str),
            import.by_project.as_str(),
            import.name,
            import.os_type,
            import.url,
            import.sha256,
            import.status.as_str(),
            import.reason,
            time(import.created_at),
            import.ended_at.map(time),
        ],
    )?;
    Ok(())
}

pub(super) fn update(connection: &Connection, import: &ImageImport) -> Result<()> {
    let sql = "UPDATE image_import SET status = ?2, reason = ?3, ended_at = ?4 WHERE id = ?1";
    let ImageImport { id, status, reason, ended_at, .. } = import;
    met_one(execute(connection, sql, params![id.to_string(), status.as_str(), reason, ended_at.map(time)])?)
}

pub(super) fn by_id(connection: &Connection, id: ImageId) -> Result<Option<ImageImport>> {
    first(connection, "SELECT * FROM image_import WHERE id = ?1", [id.to_string()], read)
}

pub(super) fn page(connection: &Connection, wanted: &ImagesWanted) -> Result<Vec<ImageImport>> {
    all(
        connection,
        "SELECT * FROM image_import WHERE by_project = ?1 AND id > ?2
         AND (?3 IS NULL OR name = ?3) AND (?4 IS NULL OR os_type = ?4) AND (?5 IS NULL OR (project_id IS NULL) = ?5)
         ORDER BY id LIMIT ?6",
        params![
            wanted.project.as_str(),
            wanted.marker.map(|id| id.to_string()).unwrap_or_default(),
            wanted.name,
            wanted.os_type,
            wanted.shared,
            wanted.limit,
        ],
        read,
    )
}

pub(super) fn unfinished(connection: &Connection) -> Result<Vec<ImageImport>> {
    all(connection, "SELECT * FROM image_import WHERE ended_at IS NULL ORDER BY id", [], read)
}

pub(super) fn delete(connection: &Connection, id: ImageId) -> Result<()> {
    met_one(execute(connection, "DELETE FROM image_import WHERE id = ?1", [id.to_string()])?)
}

/// Removes those that were killed before that time.
pub(super) fn purge(connection: &Connection, before: Timestamp) -> Result<()> {
    execute(connection, "DELETE FROM image_import WHERE ended_at < ?1", params![time(before)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<ImageImport> {
    let status: String = row.get("status")?;
    Ok(ImageImport {
        id: row.parsed("id")?,
        project_id: row.optional("project_id")?,
        by_project: row.parsed("by_project")?,
        name: row.get("name")?,
        os_type: row.get("os_type")?,
        url: row.get("url")?,
        sha256: row.get("sha256")?,
        status: ImportStatus::from_word(&status).ok_or(StoreError::Corrupt("status"))?,
        reason: row.get("reason")?,
        created_at: row.time("created_at")?,
        ended_at: row.optional_time("ended_at")?,
    })
}
