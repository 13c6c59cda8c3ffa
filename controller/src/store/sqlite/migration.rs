//! Brings the tables up to date: numbered files, each in one transaction, counted in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

/// "BILT": tells our file from any other SQLite file.
const APPLICATION_ID: i64 = 0x4249_4c54;

/// Every migration ever released, in order; a file that was released is never changed.
const MIGRATIONS: [&str; 12] = [
    include_str!("../migrations/0001_init.sql"),
    include_str!("../migrations/0002_operations.sql"),
    include_str!("../migrations/0003_access.sql"),
    include_str!("../migrations/0004_networks.sql"),
    include_str!("../migrations/0005_network_quota.sql"),
    include_str!("../migrations/0006_inventory.sql"),
    include_str!("../migrations/0007_live_instances.sql"),
    include_str!("../migrations/0008_certificates.sql"),
    include_str!("../migrations/0009_wipe_receipts.sql"),
    include_str!("../migrations/0010_baseline.sql"),
    include_str!("../migrations/0011_waiting.sql"),
    include_str!("../migrations/0012_former_machines.sql"),
];

/// Why the tables are not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Another program's file.
    #[error("use the file: it is another program's database (application id {0:#x})")]
    Foreign(i64),
    /// We would misread it.
    #[error(
        "use the database: a newer billet-controller wrote it (tables of version {found}, this one knows up to {known}), and \
         nothing was changed; install the newer one again, or put a backup from before the upgrade in its place: \
         billet-controller restore --replace BACKUP"
    )]
    Newer {
        /// In the file.
        found: i64,
        /// The last migration that we have.
        known: i64,
    },
    /// SQLite refused; nothing of this migration was kept.
    #[error("apply migration {number}")]
    Failed {
        /// Counts from 1; 0 is the look at the file before any.
        number: i64,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

/// Applies what is missing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), MigrationError> {
    apply(connection, &MIGRATIONS)
}

/// Whether it is a database of ours that this program can bring up to date, or is; an empty one is too. Changes nothing.
pub(super) fn check(connection: &Connection) -> Result<(), MigrationError> {
    look(connection, MIGRATIONS.len()).map(drop)
}

fn apply(connection: &mut Connection, migrations: &[&str]) -> Result<(), MigrationError> {
    let found = look(connection, migrations.len())?;
    for (sql, number) in migrations.iter().zip(1i64..).filter(|(_, number)| *number > found) {
        step(connection, sql, number).map_err(|source| MigrationError::Failed { number, source })?;
    }
    Ok(())
}

/// Refuses files that are not ours to change, before anything is changed.
fn look(connection: &Connection, known: usize) -> Result<i64, MigrationError> {
    let known = i64::try_from(known).expect("migrations are few");
    let failed = |source| MigrationError::Failed { number: 0, source };
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let fresh = application == 0 && found == 0 && tables == 0;
    if application != APPLICATION_ID && !fresh {
        return Err(MigrationError::Foreign(application));
    }
    if found > known {
        return Err(MigrationError::Newer { found, known });
    }
    Ok(found)
}

fn step(connection: &mut Connection, sql: &str, number: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", number)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_newer_database_is_refused_and_left_as_it_is() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        let error = apply(&mut connection, &["CREATE TABLE a (x)"]).unwrap_err();
        assert!(matches!(error, MigrationError::Newer { found: 2, known: 1 }), "{error}");
        assert!(error.to_string().contains("restore --replace"), "{error}");
        assert_eq!(version(&connection), 2);
    }

    #[test]
    fn another_programs_file_is_refused() {
        for sql in ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"] {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            assert!(matches!(migrate(&mut connection), Err(MigrationError::Foreign(_))), "{sql}");
        }
    }

    #[test]
    fn a_migration_that_fails_half_way_leaves_nothing_and_can_be_repeated() {
        let mut connection = Connection::open_in_memory().unwrap();
        let error =
            apply(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO missing VALUES (1)"])
                .unwrap_err();
        assert!(matches!(error, MigrationError::Failed { number: 2, .. }), "{error}");
        assert_eq!(version(&connection), 1);
        apply(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        assert_eq!(version(&connection), 2);
    }

    #[test]
    fn every_table_is_strict() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let loose: i64 = connection
            .query_row(
                "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(loose, 0);
    }

    #[test]
    fn what_was_seen_of_a_server_is_kept_when_it_gets_a_table_of_its_own() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS.iter().position(|sql| sql.contains("CREATE TABLE inventory")).unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO server (id, uuid, serial, macs, roles, clear_other_bootable_disks, manage_state, unwiped,
                    generation, onboard_time, inventory)
                 VALUES ('a', '', '', '[]', '[]', 0, 'ready', 0, 1, 1, '{}'), ('b', '', '', '[]', '[]', 0, 'onboard', 0, 1, 1, NULL)",
            )
            .unwrap();
        apply(&mut connection, &MIGRATIONS).unwrap();
        let mut statement = connection.prepare("SELECT server_id || seen FROM inventory").unwrap();
        let rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows, ["a{}"]);
    }

    #[test]
    fn instances_that_are_there_are_counted_when_their_number_begins_to_be_kept() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS.iter().position(|sql| sql.contains("CREATE TABLE live_instances")).unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        for (id, project, phase) in
            [("a", "lab", "running"), ("b", "lab", "failed"), ("c", "lab", "terminated"), ("d", "gone", "terminated")]
        {
            connection
                .execute(
                    "INSERT INTO instance (id, version, project_id, name, description, image_id, vpc_id, server_id, nics,
                        phase, waiting_for, generation, clear_other_bootable_disks, created_at, updated_at)
                     VALUES (?1, 1, ?2, '', '', '', '', ?1, '[]', ?3, '', 1, 0, 1, 1)",
                    [id, project, phase],
                )
                .unwrap();
        }
        apply(&mut connection, &MIGRATIONS).unwrap();
        connection.execute("UPDATE instance SET phase = 'running' WHERE id = 'd'", []).unwrap();
        let mut statement = connection.prepare("SELECT project_id || count FROM live_instances ORDER BY 1").unwrap();
        let rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows, ["gone1", "lab2"]);
    }

    #[test]
    fn what_is_in_progress_waits_since_its_last_change_when_that_begins_to_be_kept() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS.iter().position(|sql| sql.contains("instance_untaken")).unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        for (id, phase, deadline) in [("a", "write", Some(9)), ("b", "running", None)] {
            connection
                .execute(
                    "INSERT INTO instance (id, version, project_id, name, description, image_id, vpc_id, server_id, nics,
                        phase, waiting_for, generation, clear_other_bootable_disks, created_at, updated_at, deadline)
                     VALUES (?1, 1, 'lab', '', '', '', '', ?1, '[]', ?2, '', 1, 0, 1, 7, ?3)",
                    rusqlite::params![id, phase, deadline],
                )
                .unwrap();
        }
        apply(&mut connection, &MIGRATIONS).unwrap();
        let mut statement = connection.prepare("SELECT id || waiting FROM instance ORDER BY 1").unwrap();
        let rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows, ["a{\"since\":7}", "b{}"]);
    }

    #[test]
    fn addresses_that_instances_have_keep_their_owners_when_the_table_is_made_anew() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS.iter().position(|sql| sql.contains("new_reservation")).unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 INSERT INTO reservation VALUES ('v', '10.20.0.255', 's', 'i'), ('v', '192.168.0.9', 's', 'j')",
            )
            .unwrap();
        apply(&mut connection, &MIGRATIONS).unwrap();
        let mut statement = connection
            .prepare("SELECT address || vpc_id || subnet_id || instance_id, number FROM reservation")
            .unwrap();
        let rows: Vec<(String, u32)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows, [("10.20.0.255vsi".into(), 0x0a14_00ff), ("192.168.0.9vsj".into(), 0xc0a8_0009)]);
    }

    #[test]
    fn subnets_that_are_there_are_found_by_their_number_and_quotas_that_were_set_hold_networks_too() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS.iter().position(|sql| sql.contains("subnet_by_number")).unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 INSERT INTO quota VALUES ('lab', 1, 2, 3);
                 INSERT INTO subnet (id, project_id, vpc_id, name, cidr, gateway, dns, reserved, created_at)
                 VALUES ('s', 'lab', 'v', 'n', '192.168.0.240/28', '192.168.0.241', '[]', '[]', 1)",
            )
            .unwrap();
        apply(&mut connection, &MIGRATIONS).unwrap();
        let one = |sql: &str| -> u32 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(one("SELECT number FROM subnet"), 0xc0a8_00f0);
        assert_eq!((one("SELECT vpcs FROM quota"), one("SELECT subnets FROM quota")), (50, 200));
    }
}
