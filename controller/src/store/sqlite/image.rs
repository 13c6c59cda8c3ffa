//! Images in SQL.

use super::value::{self, Columns, Unsigned, first, time};
use crate::store::{Result, record::Image};
use billet_proto::{ImageId, ProjectId};
use rusqlite::{Connection, Row, params};

pub(super) fn insert(connection: &Connection, image: &Image) -> Result<()> {
    connection.execute(
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
    first(connection, "SELECT * FROM image WHERE id = ?1", [id.to_string()], read)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Image>> {
    value::all(connection, "SELECT * FROM image ORDER BY id", [], read)
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
