//! A configuration that does not parse: the unit tries no more (`RestartPreventExitStatus=`), as it does where it may help.

use super::site::Site;
use std::fs;

#[test]
fn a_configuration_that_does_not_parse_is_told_apart_from_one_that_cannot_be_read() {
    let site = Site::new("off");
    let path = site.path("controller.toml");
    let whole = fs::read_to_string(&path).unwrap();
    for (text, named) in [("state_dir = ", "state_dir"), ("nothing_of_ours = 1\n", "nothing_of_ours")] {
        fs::write(&path, format!("{text}{whole}")).unwrap();
        let status = site.start().ended();
        assert_eq!(status.code(), Some(78), "{}", site.log());
        assert!(site.log().contains(named), "{}", site.log());
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(site.start().ended().code(), Some(1), "{}", site.log());
}
