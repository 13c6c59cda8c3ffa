//! The same seed lives the same life.

use billet_simulation::world::run;

#[test]
fn a_replay_has_the_identical_journal() {
    let dir = std::env::temp_dir();
    let lives = [(); 2].map(|()| run(7, None, &dir, true).expect("the simulation runs"));
    assert!(lives[0].lines.len() > 500, "{} lines", lives[0].lines.len());
    assert_eq!(lives[0].lines, lives[1].lines);
    assert_eq!(lives[0].digest, lives[1].digest);
    let other = run(8, None, &dir, false).expect("the simulation runs");
    assert_ne!(lives[0].digest, other.digest);
}
