//! The same seed lives the same life, alone and beside others.

use std::process::Command;

/// The journals of so many seeds from 7 on, by seed, each with its digest in the last line.
fn journals(seeds: usize) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_billet-simulation"));
    let words = ["--from", "7", "--journal", "--seeds", &seeds.to_string(), "--jobs", &seeds.to_string()];
    let ended = command.args(words).output().expect("the program starts");
    let text = String::from_utf8(ended.stdout).expect("text");
    let mut journals: Vec<String> = (0..seeds).map(|_| String::new()).collect();
    let mut begun = String::new();
    for line in text.lines() {
        begun.push_str(line);
        begun.push('\n');
        let seed = line.strip_prefix("seed ").and_then(|rest| rest.split_once(": digest "));
        if let Some((seed, _)) = seed {
            let number: usize = seed.parse().expect("a seed's number");
            journals[number - 7] = std::mem::take(&mut begun);
        }
    }
    assert!(ended.status.success(), "{begun}");
    journals
}

#[test]
fn a_replay_has_the_identical_journal() {
    let (alone, beside) = (journals(1), journals(3));
    assert!(alone[0].lines().count() > 500, "{}", alone[0]);
    assert_eq!(alone[0], beside[0]);
    assert_ne!(beside[0], beside[1]);
}
