//! The life cycle in three layers that never mix: the pure [`table`], the driver, and one file for each operation.

pub mod refusal;
pub mod table;
