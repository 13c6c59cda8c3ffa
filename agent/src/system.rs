//! What only the kernel can do; the only unsafe code of the agent.

pub mod block;
pub mod ethtool;
pub mod inode;
pub mod nvme;
pub mod scsi;
