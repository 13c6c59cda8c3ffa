//! Where an instance should come, and whether it did.

use crate::cli::client::Instance;

/// Where an instance should come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Installed and usable.
    Running,
    /// Released, or not known any more.
    Terminated,
    /// Anywhere where nothing is in progress.
    Settled,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is there.
    Reached,
    /// It will not get there by itself; with the cause.
    Failed(String),
}

impl Goal {
    /// For a person.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Terminated => "terminated",
            Self::Settled => "settled",
        }
    }

    /// What its present state says; none while it is on its way. No instance: the controller does not know it.
    pub fn verdict(self, instance: Option<&Instance>) -> Option<Verdict> {
        let Some(instance) = instance else { return Some(Verdict::Reached) };
        match (instance.state.as_str(), self) {
            ("running", Self::Running | Self::Settled) | ("terminated", Self::Terminated | Self::Settled) => {
                Some(Verdict::Reached)
            }
            ("error", _) => {
                let cause = instance.error.as_ref().map_or_else(|| "no cause given".to_owned(), ToString::to_string);
                Some(Verdict::Failed(cause))
            }
            ("shutting-down" | "terminated", Self::Running) => Some(Verdict::Failed("it was deleted".to_owned())),
            ("stopped", Self::Settled) => Some(Verdict::Reached),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_state_means_something_for_each_goal() {
        let reached = Some(Verdict::Reached);
        let failed = Some(Verdict::Failed("iMetal.0903: no link".to_owned()));
        let deleted = Some(Verdict::Failed("it was deleted".to_owned()));
        for (state, running, terminated, settled) in [
            ("pending", &None, &None, &None),
            ("running", &reached, &None, &reached),
            ("error", &failed, &failed, &failed),
            ("shutting-down", &deleted, &None, &None),
            ("terminated", &deleted, &reached, &reached),
            ("a word of the future", &None, &None, &None),
        ] {
            let instance: Instance = serde_json::from_value(json!({
                "id": "0198170e-4ca7-7000-8000-000000000001", "name": "n", "created_at": "",
                "vpc_id": "0198170e-4ca7-7000-8000-000000000002", "state": state,
                "error": {"error_code": "iMetal.0903", "error_msg": "no link"},
            }))
            .unwrap();
            assert_eq!(&Goal::Running.verdict(Some(&instance)), running, "{state}");
            assert_eq!(&Goal::Terminated.verdict(Some(&instance)), terminated, "{state}");
            assert_eq!(&Goal::Settled.verdict(Some(&instance)), settled, "{state}");
        }
        assert_eq!(Goal::Terminated.verdict(None), reached);
    }
}
