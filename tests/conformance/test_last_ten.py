"""Two hundred at once ask for the last ten servers and the last ten addresses: ten get them, and nothing is lost."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

from conftest import m
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

CALLERS = 200


def test_ten_win_and_nothing_leaks(site):
    count = len(site["server_ids"]) - 10
    held = []
    while len(held) < count:
        part = min(50, count - len(held))
        held += [i["id"] for i in site.batch("held", min_count=part, max_count=part).to_json_object()["instances"]]
    nic = [m.NetworkInterface(subnet_id=site["subnet_ids"][2])]

    def ask(number):
        try:
            return site.create(f"last-{number}", network_interfaces=nic), None
        except ClientRequestException as error:
            return None, error

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(ask, range(CALLERS)))
    won = [made for made, _ in answers if made]
    lost = [error for _, error in answers if error]
    assert len(won) == 10, [error.error_msg for error in lost][:3]
    for error in lost:
        assert error.status_code == 400 and error.error_code in ("iMetal.0101", "iMetal.0001"), error
        assert error.error_msg, error
    for made in won:
        site.settled(made, "running")
    listed = {found["id"]: found for found in all_of(site)}
    assert set(won) | set(held) == set(listed)
    servers = [found["server_id"] for found in listed.values()]
    assert len(set(servers)) == len(servers) == len(site["server_ids"])
    addresses = [listed[made]["network_interfaces"][0]["ipv4_address"] for made in won]
    assert len(set(addresses)) == 10

    database = sqlite3.connect(f"file:{site['database']}?mode=ro", uri=True)
    query = lambda sql, *values: database.execute(sql, values).fetchone()[0]
    alive = "SELECT count(*) FROM instance WHERE phase <> 'terminated'"
    assert query(alive) == len(listed)
    of_ten = "SELECT count(*) FROM reservation WHERE subnet_id = ?"
    assert query(of_ten, site["subnet_ids"][2]) == 10
    orphans = "SELECT count(*) FROM reservation WHERE instance_id NOT IN (SELECT id FROM instance WHERE phase <> 'terminated')"
    assert query(orphans) == 0

    everything = list(listed)
    for at in range(0, len(everything), 50):
        body = m.BatchDeleteOptions(instance_id_set=everything[at : at + 50])
        site.client.delete_instances(m.DeleteInstancesRequest(body=body))
    for made in everything:
        site.settled(made, "terminated")
    for server in site["server_ids"]:
        site.server_settled(server, "ready")
    assert query("SELECT count(*) FROM reservation") == 0
    database.close()


def all_of(site):
    found, marker = [], None
    while True:
        page = site.listed(limit="1000", **({"marker": marker} if marker else {}))
        found += page["instances"]
        marker = page["page_info"].get("next_marker")
        if not marker:
            return found
