//! Instances in SQL.

use super::{
    PURGE_ROWS,
    value::{Columns, Row, Unsigned, execute, first, json, met_one, readable, time},
};
use crate::{
    clock::Timestamp,
    lifecycle::table::{Operation, Phase},
    seal::Sealed,
    store::{Result, record::Instance},
};
use billet_proto::{InstanceId, ServerId};
use rusqlite::{Connection, ToSql, named_params, params};

pub(super) fn insert(connection: &Connection, instance: &Instance) -> Result<()> {
    let sql = "INSERT INTO instance
        (id, version, project_id, name, description, image_id, vpc_id, server_id, nics, phase, waiting_for, deadline,
         generation, password_hash, metadata, error_cause, error_message, host_key, proof, boot_trust,
         clear_other_bootable_disks, created_at, updated_at, launched_at, terminated_at,
         operation, operation_began_at, network_change, next_password_hash, user_data, ssh_keys, tags, disk_serial,
         wipe_before, receipt, waiting, resend_at)
        VALUES (:id, :version, :project_id, :name, :description, :image_id, :vpc_id, :server_id, :nics, :phase,
         :waiting_for, :deadline, :generation, :password_hash, :metadata, :error_cause, :error_message, :host_key,
         :proof, :boot_trust, :clear_other_bootable_disks, :created_at, :updated_at, :launched_at, :terminated_at,
         :operation, :operation_began_at, :network_change, :next_password_hash, :user_data, :ssh_keys, :tags,
         :disk_serial, :wipe_before, :receipt, :waiting, :resend_at)";
    with_columns(instance, |columns| execute(connection, sql, columns))?;
    Ok(())
}

pub(super) fn update(connection: &Connection, instance: &Instance) -> Result<()> {
    let sql = "UPDATE instance SET
        version = version + 1, project_id = :project_id, name = :name, description = :description,
        image_id = :image_id, vpc_id = :vpc_id, server_id = :server_id, nics = :nics, phase = :phase,
        waiting_for = :waiting_for, deadline = :deadline, generation = :generation, password_hash = :password_hash,
        metadata = :metadata, error_cause = :error_cause, error_message = :error_message, host_key = :host_key,
        proof = :proof, boot_trust = :boot_trust,
        clear_other_bootable_disks = :clear_other_bootable_disks, created_at = :created_at, updated_at = :updated_at,
        launched_at = :launched_at, terminated_at = :terminated_at, operation = :operation,
        operation_began_at = :operation_began_at, network_change = :network_change,
        next_password_hash = :next_password_hash, user_data = :user_data, ssh_keys = :ssh_keys, tags = :tags,
        disk_serial = :disk_serial, wipe_before = :wipe_before, receipt = :receipt,
        waiting = :waiting, resend_at = :resend_at
        WHERE id = :id AND version = :version";
    met_one(with_columns(instance, |columns| execute(connection, sql, columns))?)
}

pub(super) fn by_id(connection: &Connection, id: InstanceId) -> Result<Option<Instance>> {
    first(connection, "SELECT * FROM instance WHERE id = ?1", [id.to_string()], read)
}

pub(super) fn on_server(connection: &Connection, server: ServerId) -> Result<Option<Instance>> {
    let sql = "SELECT * FROM instance WHERE server_id = ?1 AND phase <> 'terminated'";
    first(connection, sql, [server.to_string()], read)
}

pub(super) fn unfinished(connection: &Connection) -> Result<Vec<Instance>> {
    readable(connection, "SELECT * FROM instance WHERE deadline IS NOT NULL ORDER BY id", [], read)
}

/// Reservations and events go with their instance (ON DELETE CASCADE).
pub(super) fn purge(connection: &Connection, before: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM instance WHERE id IN
        (SELECT id FROM instance WHERE phase = 'terminated' AND terminated_at < ?1 ORDER BY terminated_at LIMIT ?2)";
    let deleted = execute(connection, sql, params![time(before), PURGE_ROWS])?;
    Ok(deleted as u64)
}

/// Hands every column of the row to `run`: insert and update cannot differ in one.
fn with_columns<T>(instance: &Instance, run: impl FnOnce(&[(&str, &dyn ToSql)]) -> T) -> T {
    run(named_params! {
        ":id": instance.id.to_string(),
        ":version": Unsigned(instance.version),
        ":project_id": instance.project_id.as_str(),
        ":name": instance.name,
        ":description": instance.description,
        ":image_id": instance.image_id.to_string(),
        ":vpc_id": instance.vpc_id.to_string(),
        ":server_id": instance.server_id.to_string(),
        ":nics": json(&instance.nics),
        ":phase": instance.phase.word(),
        ":waiting_for": instance.waiting_for,
        ":deadline": instance.deadline.map(time),
        ":generation": Unsigned(instance.generation),
        ":password_hash": instance.password_hash.as_ref().map(|sealed| &sealed.0),
        ":metadata": instance.metadata.as_ref().map(|sealed| &sealed.0),
        ":error_cause": instance.error.as_ref().map(|error| &error.cause),
        ":error_message": instance.error.as_ref().map(|error| &error.message),
        ":host_key": instance.host_key,
        ":proof": instance.proof,
        ":boot_trust": instance.boot_trust,
        ":clear_other_bootable_disks": instance.clear_other_bootable_disks,
        ":created_at": time(instance.created_at),
        ":updated_at": time(instance.updated_at),
        ":launched_at": instance.launched_at.map(time),
        ":terminated_at": instance.terminated_at.map(time),
        ":operation": instance.operation.word(),
        ":operation_began_at": time(instance.operation_began_at),
        ":network_change": instance.network_change.as_ref().map(json),
        ":next_password_hash": instance.next_password_hash.as_ref().map(|sealed| &sealed.0),
        ":user_data": instance.user_data.as_ref().map(|sealed| &sealed.0),
        ":ssh_keys": json(&instance.ssh_keys),
        ":tags": json(&instance.tags),
        ":disk_serial": instance.disk_serial,
        ":wipe_before": instance.wipe_before.as_ref().map(json),
        ":receipt": instance.receipt,
        ":waiting": json(&instance.waiting),
        // Not read back: it is there to be found by.
        ":resend_at": instance.waiting.resend_at().map(time),
    })
}

/// In the order of the table's columns, in which they are found the fastest.
pub(super) fn read(row: &Row<'_>) -> Result<Instance> {
    Ok(Instance {
        id: row.parsed("id")?,
        version: row.number("version")?,
        project_id: row.parsed("project_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        image_id: row.parsed("image_id")?,
        vpc_id: row.parsed("vpc_id")?,
        server_id: row.parsed("server_id")?,
        nics: row.json("nics")?,
        phase: row.word("phase", Phase::from_word)?,
        waiting_for: row.get("waiting_for")?,
        deadline: row.optional_time("deadline")?,
        generation: row.number("generation")?,
        password_hash: row.get::<_, Option<Vec<u8>>>("password_hash")?.map(Sealed),
        metadata: row.get::<_, Option<Vec<u8>>>("metadata")?.map(Sealed),
        error: row.cause()?,
        host_key: row.get("host_key")?,
        proof: row.get("proof")?,
        boot_trust: row.get("boot_trust")?,
        clear_other_bootable_disks: row.get("clear_other_bootable_disks")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        launched_at: row.optional_time("launched_at")?,
        terminated_at: row.optional_time("terminated_at")?,
        operation: row.word("operation", Operation::from_word)?,
        operation_began_at: row.time("operation_began_at")?,
        network_change: row.optional_json("network_change")?,
        next_password_hash: row.get::<_, Option<Vec<u8>>>("next_password_hash")?.map(Sealed),
        user_data: row.get::<_, Option<Vec<u8>>>("user_data")?.map(Sealed),
        ssh_keys: row.json("ssh_keys")?,
        tags: row.json("tags")?,
        disk_serial: row.get("disk_serial")?,
        wipe_before: row.optional_json("wipe_before")?,
        receipt: row.get("receipt")?,
        waiting: row.json("waiting")?,
    })
}
