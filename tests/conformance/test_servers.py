"""Every call on physical servers that is built, by the public client, against a simulated fleet."""

import time

from conftest import m, refused

NOBODY = "0198170e-4ca7-7000-8000-00000000dead"
MANAGE_STATES = {"onboard", "os-ready", "ready", "in-use", "maintain", "offboarding"}


def power(site, action, *servers):
    body = m.PowerAction(action=action, server_id_set=[*servers])
    return site.client.change_server_power_state(m.ChangeServerPowerStateRequest(body=body))


def test_servers_are_listed_in_pages_and_by_state(site):
    seen, marker = [], None
    while True:
        request = m.ListServersRequest(limit=10, **({"marker": marker} if marker else {}))
        answer = site.client.list_servers(request)
        assert answer.status_code == 200
        page = answer.to_json_object()
        assert page["count"] == len(site["server_ids"])
        assert all(server["manage_state"] in MANAGE_STATES for server in page["servers"])
        seen += [server["id"] for server in page["servers"]]
        marker = page["page_info"].get("next_marker")
        if not marker:
            break
    assert sorted(seen) == sorted(site["server_ids"])
    ready = site.client.list_servers(m.ListServersRequest(manage_state="ready")).to_json_object()
    assert ready["count"] >= 1 and all(server["manage_state"] == "ready" for server in ready["servers"])
    refused(lambda: site.client.list_servers(m.ListServersRequest(manage_state="x")), 400, "iMetal.0001", "manage_state")


def test_a_server_shows_what_it_is(site):
    server = site["server_ids"][0]
    shown = site.server(server)
    assert shown["id"] == server and shown["power_state"] in ("on", "off")
    assert shown["health_state"] in ("OK", "Warning", "Critical", "Unknown")
    assert shown["hardware_attributes"]["sn"].startswith("SIM")
    assert shown["onboard_time"].endswith("Z")
    refused(lambda: site.server(NOBODY), 404, "iMetal.0100", NOBODY)


def test_hardware_and_firmware_are_what_the_ramdisk_saw(site):
    server = site["server_ids"][0]
    answer = site.client.show_server_hardware_attributes(m.ShowServerHardwareAttributesRequest(id=server))
    assert answer.status_code == 200
    hardware = answer.to_json_object()
    assert hardware["summary"]["model"] == "Simulated 2U"
    assert len(hardware["memorys"]) == 8 and len(hardware["processors"]) == 2
    for part in ("network_adapters", "fans", "powers", "storage_controllers", "metrics"):
        assert isinstance(hardware[part], list), part
    answer = site.client.show_server_firmware_attributes(m.ShowServerFirmwareAttributesRequest(id=server))
    assert answer.status_code == 200
    firmware = answer.to_json_object()
    assert isinstance(firmware, list) and any(part["version"] == "1.2.3" for part in firmware), firmware
    missing = lambda: site.client.show_server_hardware_attributes(m.ShowServerHardwareAttributesRequest(id=NOBODY))
    refused(missing, 404, "iMetal.0100", NOBODY)


def test_power_follows_the_word_and_the_instance_follows_the_power(site, instance):
    server = site.one(instance)["server_id"]
    answer = power(site, "power off", server)
    assert answer.status_code == 200 and answer.to_json_object()["physical_servers"] == [{"id": server}]
    site.settled(instance, "stopped")
    found = site.server(server)
    assert (found["power_state"], found["operation_state"]) == ("off", "power-off-succeed")
    power(site, "power on", server)
    site.settled(instance, "running")
    assert site.server(server)["operation_state"] == "power-on-succeed"
    power(site, "rebooting", server)
    end = time.monotonic() + 20
    while site.server(server)["operation_state"] != "reboot-succeed":
        assert time.monotonic() < end, site.server(server)
        time.sleep(0.02)
    site.settled(instance, "running")
    assert site.server(server)["power_state"] == "on"
    refused(lambda: power(site, "explode", server), 400, "iMetal.0001", "action")
    refused(lambda: power(site, "power on", NOBODY), 404, "iMetal.0100", NOBODY)


def test_counters_count_the_fleet(site):
    answer = site.client.show_server_status(m.ShowServerStatusRequest())
    assert answer.status_code == 200
    counted = answer.to_json_object()
    total = sum(number for number in counted["server_manage_state"].values() if isinstance(number, int))
    assert total >= len(site["server_ids"]), counted


def test_events_are_listed_and_defined(site, instance):
    server = site.one(instance)["server_id"]
    now = int(time.time() * 1000)
    window = dict(_from=str(now - 3_600_000), to=str(now + 60_000))
    answer = site.client.list_events(m.ListEventsRequest(resource_id=server, limit=10, offset=0, **window))
    assert answer.status_code == 200
    events = answer.to_json_object()
    assert events["count"] >= 1 and all(event["resource_id"] == server for event in events["events"]), events
    definition = events["events"][0]["event_id"]
    shown = site.client.show_event(m.ShowEventRequest(event_id=definition))
    assert shown.status_code == 200 and definition in str(shown.to_json_object())
    long = dict(_from=str(now - 31 * 86_400_000), to=str(now))
    refused(lambda: site.client.list_events(m.ListEventsRequest(limit=10, offset=0, **long)), 400, "iMetal.0001")


def test_tags_come_and_go(site):
    server = site["server_ids"][0]
    named = dict(resource_type="physicalservers", resource_id=server)
    tags = m.ResourceTags(tags=[m.Tag(key="rack", value="a/1"), m.Tag(key="team", value="blue")])
    answer = site.client.batch_create_tags(m.BatchCreateTagsRequest(body=tags, **named))
    assert answer.status_code == 204
    assert {"key": "rack", "value": "a/1"} in site.server(server)["tags"]
    answer = site.client.batch_delete_tags(m.BatchDeleteTagsRequest(body=tags, **named))
    assert answer.status_code == 204
    assert not site.server(server)["tags"]
    reserved = m.ResourceTags(tags=[m.Tag(key="_sys_x", value="")])
    request = lambda: site.client.batch_create_tags(m.BatchCreateTagsRequest(body=reserved, **named))
    refused(request, 400, "iMetal.0001", "key")
