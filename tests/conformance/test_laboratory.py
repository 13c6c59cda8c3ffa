"""Once against a real server: firmware, ramdisk, disk and all."""

MINUTES = 60


def test_an_instance_is_created_runs_and_is_deleted_on_a_real_server(site):
    made = site.create("conformance")
    done = site.settled(made, "running", seconds=20 * MINUTES)
    assert done["operation_state"] == "install-succeed"
    site.delete(made)
    gone = site.settled(made, "terminated", seconds=10 * MINUTES)
    assert gone["operation_state"] == "uninstall-succeed"
