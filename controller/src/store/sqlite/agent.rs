//! Agents and the tokens with which they join, in SQL.

use super::value::{Columns, Row, Unsigned, execute, first, met_one, time};
use crate::{
    clock::Timestamp,
    store::{
        Result,
        record::{Agent, JoinToken, NextCertificate},
    },
};
use billet_proto::AgentId;
use rusqlite::{Connection, params};

pub(super) fn insert(connection: &Connection, agent: &Agent) -> Result<()> {
    execute(
        connection,
        "INSERT INTO agent (id, name, certificate_sha256, epoch, joined_at, key_sha256, join_secret_sha256,
         next_certificate_sha256, next_key_sha256, next_issued_at, revoked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            agent.id.to_string(),
            agent.name,
            agent.certificate_sha256,
            Unsigned(agent.epoch),
            time(agent.joined_at),
            agent.key_sha256,
            agent.join_secret_sha256,
            agent.next.map(|next| next.certificate_sha256),
            agent.next.map(|next| next.key_sha256),
            agent.next.map(|next| time(next.issued_at)),
            agent.revoked_at.map(time),
        ],
    )?;
    Ok(())
}

pub(super) fn update(connection: &Connection, agent: &Agent) -> Result<()> {
    met_one(execute(
        connection,
        "UPDATE agent SET name = ?2, certificate_sha256 = ?3, epoch = ?4, joined_at = ?5, key_sha256 = ?6,
         join_secret_sha256 = ?7, next_certificate_sha256 = ?8, next_key_sha256 = ?9, next_issued_at = ?10,
         revoked_at = ?11 WHERE id = ?1",
        params![
            agent.id.to_string(),
            agent.name,
            agent.certificate_sha256,
            Unsigned(agent.epoch),
            time(agent.joined_at),
            agent.key_sha256,
            agent.join_secret_sha256,
            agent.next.map(|next| next.certificate_sha256),
            agent.next.map(|next| next.key_sha256),
            agent.next.map(|next| time(next.issued_at)),
            agent.revoked_at.map(time),
        ],
    )?)
}

pub(super) fn by_id(connection: &Connection, id: AgentId) -> Result<Option<Agent>> {
    first(connection, "SELECT * FROM agent WHERE id = ?1", [id.to_string()], read)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Agent>> {
    super::value::all(connection, "SELECT * FROM agent ORDER BY name", [], read)
}

pub(super) fn by_name(connection: &Connection, name: &str) -> Result<Option<Agent>> {
    first(connection, "SELECT * FROM agent WHERE name = ?1", [name], read)
}

pub(super) fn by_certificate(connection: &Connection, fingerprint: &[u8; 32]) -> Result<Option<Agent>> {
    let sql = "SELECT * FROM agent WHERE certificate_sha256 = ?1 OR next_certificate_sha256 = ?1";
    first(connection, sql, [fingerprint], read)
}

pub(super) fn insert_join_token(connection: &Connection, token: &JoinToken) -> Result<()> {
    execute(
        connection,
        "INSERT INTO join_token (secret_sha256, agent_name, expires_at) VALUES (?1, ?2, ?3)",
        params![token.secret_sha256, token.agent_name, time(token.expires_at)],
    )?;
    Ok(())
}

pub(super) fn take_join_token(connection: &Connection, secret_sha256: &[u8; 32]) -> Result<Option<JoinToken>> {
    let sql = "DELETE FROM join_token WHERE secret_sha256 = ?1 RETURNING *";
    first(connection, sql, [secret_sha256], |row| {
        Ok(JoinToken {
            secret_sha256: row.digest("secret_sha256")?,
            agent_name: row.get("agent_name")?,
            expires_at: row.time("expires_at")?,
        })
    })
}

pub(super) fn forget_join_tokens(connection: &Connection, agent_name: &str) -> Result<()> {
    execute(connection, "DELETE FROM join_token WHERE agent_name = ?1", [agent_name])?;
    Ok(())
}

pub(super) fn forget_all_join_tokens(connection: &Connection) -> Result<()> {
    execute(connection, "DELETE FROM join_token", [])?;
    Ok(())
}

pub(super) fn purge_join_tokens(connection: &Connection, before: Timestamp) -> Result<()> {
    execute(connection, "DELETE FROM join_token WHERE expires_at < ?1", [time(before)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Agent> {
    Ok(Agent {
        id: row.parsed("id")?,
        name: row.get("name")?,
        certificate_sha256: row.digest("certificate_sha256")?,
        key_sha256: row.digest("key_sha256")?,
        join_secret_sha256: row.digest("join_secret_sha256")?,
        epoch: row.number("epoch")?,
        joined_at: row.time("joined_at")?,
        next: next(row)?,
        revoked_at: row.optional_time("revoked_at")?,
    })
}

fn next(row: &Row<'_>) -> Result<Option<NextCertificate>> {
    let Some(issued_at) = row.optional_time("next_issued_at")? else { return Ok(None) };
    let certificate_sha256 = row.digest("next_certificate_sha256")?;
    Ok(Some(NextCertificate { certificate_sha256, key_sha256: row.digest("next_key_sha256")?, issued_at }))
}
