"""Every call on instances, by the public client, against a simulated fleet."""

import time
import uuid

from conftest import PASSWORD, m, refused

NOBODY = "0198170e-4ca7-7000-8000-00000000dead"
STATES = {"pending", "running", "stopped", "shutting-down", "terminated", "error"}


def test_an_instance_is_created_runs_and_is_deleted(site):
    made = site.create("first-1", description="of a kind", metadata={"team": "blue"})
    assert uuid.UUID(made).version == 7
    first = site.status(made)
    assert first["state"] in ("pending", "running")
    done = site.settled(made, "running")
    assert done["operation_state"] == "install-succeed" and not done.get("error")
    shown = site.one(made)
    for field in ("id", "name", "vpc_id", "tags", "image", "state", "server_id", "created_at", "updated_at", "launched_at"):
        assert field in shown, field
    assert shown["name"] == "first-1" and shown["description"] == "of a kind" and shown["metadata"] == {"team": "blue"}
    assert shown["image"]["id"] == site.image and shown["image"]["os_type"] == "Linux"
    assert shown["network_interfaces"][0]["ipv4_address"].startswith("10.20.")
    assert PASSWORD not in str(shown)
    server = shown["server_id"]
    assert site.server(server)["manage_state"] == "in-use"
    site.delete(made)
    gone = site.settled(made, "terminated")
    assert gone["operation_state"] == "uninstall-succeed"
    site.server_settled(server, "ready")


def test_a_server_can_be_asked_for_and_one_that_is_taken_or_unknown_is_refused(site):
    placement = m.CreateInstanceOpitonsPlacement
    server = site["server_ids"][-1]
    made = site.create("placed", placement=placement(server_id=server))
    site.settled(made, "running")
    assert site.one(made)["server_id"] == server
    assert site.listed(server_id=server)["instances"][0]["id"] == made
    refused(lambda: site.create("twice", placement=placement(server_id=server)), 400, "iMetal.0101", server)
    refused(lambda: site.create("nowhere", placement=placement(server_id=NOBODY)), 404, "iMetal.0100", NOBODY)
    site.delete(made)
    site.settled(made, "terminated")
    site.server_settled(server, "ready")


def test_an_address_can_be_asked_for_and_has_one_owner(site):
    nic = lambda address: [m.NetworkInterface(subnet_id=site["subnet_ids"][0], ipv4_address=address)]
    made = site.create("addressed", network_interfaces=nic("10.20.9.9"))
    assert site.one(made)["network_interfaces"][0]["ipv4_address"] == "10.20.9.9"
    for taken in ("10.20.9.9", "10.20.0.1", "10.20.0.0", "10.99.0.1"):
        refused(lambda: site.create("again", network_interfaces=nic(taken)), 400, "iMetal.0001", taken)
    site.delete(made)
    site.settled(made, "terminated")
    again = site.create("freed", network_interfaces=nic("10.20.9.9"))
    site.delete(again)
    site.settled(again, "terminated")


def test_bad_fields_are_named(site):
    wrong = [
        (dict(name=""), "name"),
        (dict(name="a" * 64), "name"),
        (dict(image_id=NOBODY), "image_id"),
        (dict(vpc_id=NOBODY), "vpc_id"),
        (dict(network_interfaces=[m.NetworkInterface(subnet_id=NOBODY)]), "subnet_id"),
        (dict(network_interfaces=[]), "network_interfaces"),
        (dict(password="short"), "password"),
        (dict(password="no-root1-A"), "password"),
        (dict(metadata={str(n): "x" for n in range(11)}), "metadata"),
        (dict(description="a" * 256), "description"),
    ]
    for fields, word in wrong:
        refused(lambda: site.create(**{"name": "bad", **fields}), 400, "iMetal.0001", word)
    body = m.CreateInstanceOpitons(name="only-a-name")
    request = lambda: site.client.create_instance(m.CreateInstanceRequest(body=body))
    refused(request, 400, "iMetal.0002", "image_id", "vpc_id", "network_interfaces", "password")


def test_what_is_not_there_is_not_found(site):
    refused(lambda: site.status(NOBODY), 404, "iMetal.0200", NOBODY)
    refused(lambda: site.delete(NOBODY), 404, "iMetal.0200", NOBODY)


def test_a_failure_is_shown_with_its_cause_and_can_be_tried_again(site, rules):
    rules('[[rule]]\nwork = "install"\nstep = "write"\nfail = "disk_error"\ntimes = 1\n')
    made = site.create("fails")
    failed = site.settled(made, "error")
    assert failed["operation_state"] == "install-failed"
    assert "disk_error" in str(failed["error"])
    body = m.ReinstallOSOptions(password=PASSWORD, instance_id_set=[made])
    answer = site.client.reinstall_os(m.ReinstallOsRequest(body=body))
    assert answer.status_code == 202
    end = time.monotonic() + 30
    while (status := site.status(made))["state"] != "running":
        assert time.monotonic() < end, status
        time.sleep(0.02)
    site.delete(made)
    site.settled(made, "terminated")


def test_a_batch_has_as_many_as_there_are_between_min_and_max(site):
    answer = site.batch("batch", min_count=2, max_count=3)
    assert answer.status_code == 202
    made = [entry["id"] for entry in answer.to_json_object()["instances"]]
    assert 2 <= len(made) <= 3
    for one in made:
        site.settled(one, "running")
    names = sorted(site.one(one)["name"] for one in made)
    assert names == [f"batch-{n:04}" for n in range(1, len(made) + 1)]
    several = site.listed(instance_id=",".join(made))
    assert {found["id"] for found in several["instances"]} == set(made) and several["count"] == len(made)
    answer = site.client.delete_instances(m.DeleteInstancesRequest(body=m.BatchDeleteOptions(instance_id_set=made)))
    assert answer.status_code == 202
    assert {entry["id"] for entry in answer.to_json_object()["instances"]} == set(made)
    for one in made:
        site.settled(one, "terminated")


def test_a_batch_can_name_its_servers_and_is_all_or_nothing(site):
    servers = site["server_ids"][-3:]
    for server in servers:
        site.server_settled(server, "ready")
    placement = m.RunInstancesOptionsPlacement(server_id_set=servers)
    made = [entry["id"] for entry in site.batch("named", placement=placement).to_json_object()["instances"]]
    for one in made:
        site.settled(one, "running")
    assert {site.one(one)["server_id"] for one in made} == set(servers)
    before = site.listed()["count"]
    refused(lambda: site.batch("too-many", placement=placement), 400, "iMetal.0101", servers[0])
    refused(lambda: site.batch("too-many", min_count=51, max_count=51), 400, "iMetal.0001", "count")
    refused(lambda: site.batch("crossed", min_count=3, max_count=2), 400, "iMetal.0001", "count")
    assert site.listed()["count"] == before, "nothing was changed"
    site.client.delete_instances(m.DeleteInstancesRequest(body=m.BatchDeleteOptions(instance_id_set=made)))
    for one in made:
        site.settled(one, "terminated")
    for server in servers:
        site.server_settled(server, "ready")


def test_a_list_has_pages_and_filters(site):
    made = [entry["id"] for entry in site.batch("page", min_count=12, max_count=12).to_json_object()["instances"]]
    for one in made:
        site.settled(one, "running")
    seen, marker = [], None
    while True:
        page = site.listed(limit="10", **({"marker": marker} if marker else {}))
        assert page["page_info"]["current_count"] == len(page["instances"]) <= 10
        assert page["count"] >= 12
        assert all(found["state"] in STATES for found in page["instances"])
        seen += [found["id"] for found in page["instances"]]
        marker = page["page_info"].get("next_marker")
        if not marker:
            break
    assert set(made) <= set(seen) and len(seen) == len(set(seen))
    assert set(made) <= {f["id"] for f in site.listed(limit="1000", instance_state="running")["instances"]}
    assert not site.listed(instance_state="stopped")["instances"]
    refused(lambda: site.listed(limit="many"), 400, "iMetal.0001", "limit")
    refused(lambda: site.listed(instance_state="sleeping"), 400, "iMetal.0001", "instance_state")
    site.client.delete_instances(m.DeleteInstancesRequest(body=m.BatchDeleteOptions(instance_id_set=made)))
    for one in made:
        site.settled(one, "terminated")


def test_an_instance_is_installed_again_with_its_server_and_addresses(site, instance):
    before = site.one(instance)
    body = m.ReinstallOSOptions(password="An0ther-one", instance_id_set=[instance])
    answer = site.client.reinstall_os(m.ReinstallOsRequest(body=body))
    assert answer.status_code == 202 and answer.to_json_object()["instances"] == [{"id": instance}]
    done = site.settled(instance, "running")
    after = site.one(instance)
    assert done["operation_state"] == "reinstall-succeed", done
    for field in ("server_id", "network_interfaces", "metadata", "name"):
        assert before.get(field) == after.get(field), field
    body = m.ReinstallOSOptions(password="An0ther-one", image_id=NOBODY, instance_id_set=[instance])
    refused(lambda: site.client.reinstall_os(m.ReinstallOsRequest(body=body)), 400, "iMetal.0001", "image_id")


def test_a_password_is_changed_for_all_or_for_none(site, instance):
    change = lambda password, *ids: site.client.change_instance_password(
        m.ChangeInstancePasswordRequest(body=m.ChangeInstancePasswordOptions(new_password=password, instance_id_set=[*ids]))
    )
    answer = change("Chang3d-it", instance)
    assert answer.status_code == 200 and answer.to_json_object()["instances"] == [{"id": instance}]
    refused(lambda: change("short", instance), 400, "iMetal.0001", "new_password")
    refused(lambda: change("Chang3d-it", instance, NOBODY), 404, "iMetal.0200", NOBODY)


def test_an_instance_gets_other_addresses(site, instance):
    body = m.ModifyInstanceIpRequestBody(
        nics=[m.ModifyInstanceIpRequestBodyNics(subnet_id=site["subnet_ids"][1], ip_address="10.21.7.7")]
    )
    answer = site.client.modify_instance_ip(m.ModifyInstanceIpRequest(id=instance, body=body))
    assert answer.status_code == 202
    done = site.settled(instance, "running")
    assert done["operation_state"] == "modify-ip-succeed", done
    (nic,) = site.one(instance)["network_interfaces"]
    assert nic == {"subnet_id": site["subnet_ids"][1], "ipv4_address": "10.21.7.7"} or nic["ipv4_address"] == "10.21.7.7"
    body = m.ModifyInstanceIpRequestBody(nics=[m.ModifyInstanceIpRequestBodyNics(subnet_id=NOBODY)])
    request = lambda: site.client.modify_instance_ip(m.ModifyInstanceIpRequest(id=instance, body=body))
    refused(request, 400, "iMetal.0001", "subnet_id")


def test_an_installation_in_progress_can_be_deleted(site, rules):
    rules(
        '[[rule]]\nwork = "install"\nstep = "write"\nsilent = true\n'
        '[[rule]]\nwork = "power-off"\nstep = "power-off"\ndelay_ms = 1000\n'
    )
    made = site.create("hangs")
    time.sleep(0.2)
    assert site.status(made)["state"] == "pending"
    site.delete(made)
    assert site.status(made)["state"] == "shutting-down"
    site.delete(made)
    site.settled(made, "terminated")


def test_a_wrong_signature_is_unauthorized_and_another_project_forbidden(site):
    show = lambda client: client.show_instance_status(m.ShowInstanceStatusRequest(id=NOBODY))
    wrong = site.client_of(site["access_key"], "not-the-secret-key")
    refused(lambda: show(wrong), 401, "iMetal.0003")
    unknown = site.client_of("NOBODYSKEY0000000000", site["secret_key"])
    refused(lambda: show(unknown), 401, "iMetal.0003")
    other = site.client_of(site["access_key"], site["secret_key"], project="another")
    refused(lambda: show(other), 403, "iMetal.0004")
