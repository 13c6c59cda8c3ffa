//! Images in SQL.

use super::value::{self, Columns, Row, Unsigned, execute, first, met_one, time};
use crate::{
    clock::Timestamp,
    store::{ImagesWanted, Result, record::Image},
};
use billet_proto::{ImageId, ProjectId};
use rusqlite::{Connection, params};

pub(super) fn insert(connection: &Connection, image: &Image) -> Result<()> {
    execute(
        connection,
        "INSERT INTO image (id, project_id, name, os_type, size_bytes, sha256, manifest_digest, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            image.id.to_string(),
            image.project_id.as_ref().map(ProjectId::as_str),
            image.name,
            image.os_type,
            Unsigned(image.size_bytes),
            image.sha256,
            image.manifest_digest,
            time(image.created_at),
        ],
    )?;
    Ok(())
}

pub(super) fn by_id(connection: &Connection, id: ImageId) -> Result<Option<Image>> {
    first(connection, "SELECT * FROM image WHERE id = ?1 AND deleted_at IS NULL", [id.to_string()], read)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Image>> {
    value::all(connection, "SELECT * FROM image WHERE deleted_at IS NULL ORDER BY id", [], read)
}

pub(super) fn page(connection: &Connection, wanted: &ImagesWanted) -> Result<Vec<Image>> {
    value::all(
        connection,
        "SELECT * FROM image WHERE (project_id = ?1 OR project_id IS NULL) AND id > ?2 AND deleted_at IS NULL
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

pub(super) fn update(connection: &Connection, image: &Image) -> Result<()> {
    let sql = "UPDATE image SET name = ?2, project_id = ?3 WHERE id = ?1 AND deleted_at IS NULL";
    let owner = image.project_id.as_ref().map(ProjectId::as_str);
    met_one(execute(connection, sql, params![image.id.to_string(), image.name, owner])?)
}

pub(super) fn instances_of(connection: &Connection, id: ImageId, except: Option<&ProjectId>) -> Result<u64> {
    let sql = "SELECT count(*) FROM instance WHERE image_id = ?1 AND phase <> 'terminated'
               AND (?2 IS NULL OR project_id <> ?2)";
    let except = except.map(ProjectId::as_str);
    Ok(connection.query_row(sql, params![id.to_string(), except], |row| row.get::<_, Unsigned>(0))?.0)
}

pub(super) fn delete(connection: &Connection, id: ImageId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE image SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL";
    met_one(execute(connection, sql, params![id.to_string(), time(now)])?)
}

/// Removes the rows that were kept only for instances on record.
pub(super) fn purge(connection: &Connection) -> Result<()> {
    let sql = "DELETE FROM image WHERE deleted_at IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.image_id = image.id)";
    execute(connection, sql, [])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Image> {
    Ok(Image {
        id: row.parsed("id")?,
        project_id: row.optional("project_id")?,
        name: row.get("name")?,
        os_type: row.get("os_type")?,
        size_bytes: row.number("size_bytes")?,
        sha256: row.get("sha256")?,
        manifest_digest: row.digest("manifest_digest")?,
        created_at: row.time("created_at")?,
    })
}
