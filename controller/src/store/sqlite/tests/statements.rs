//! Statements are compiled once.

use crate::store::sqlite::SqliteStore;
use rusqlite::StatementStatus;

#[test]
fn a_statement_is_not_compiled_anew_for_another_value() {
    let store = SqliteStore::open_in_memory().unwrap();
    for sql in [
        "SELECT id FROM instance WHERE deadline <= ?1",
        "SELECT id FROM server WHERE manage_state = ?1",
        "DELETE FROM event WHERE at < ?1",
    ] {
        let mut statement = store.connection.prepare(sql).unwrap();
        for value in 0..5 {
            let mut rows = statement.query([value]).unwrap();
            while rows.next().unwrap().is_some() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
}
