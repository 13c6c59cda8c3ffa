"""Puts what is there into most made-up calls: an id out of the air is refused at the door, and what lies behind is not seen.

BILLET_SITE names the file that says where Billet is, as for the tests beside it.
"""

import json
import os
import pathlib
import random
import re
import urllib.request

import schemathesis

SITE = json.loads(pathlib.Path(os.environ["BILLET_SITE"]).read_text())
PASSWORD = "Conform-1ty"
CHANCE = random.Random(20)
# Without these there is nothing to make an instance of; they are asked away once in a while only.
KEPT = re.compile(r"DELETE .*/(vpcs|subnets|clouddcn-subnets|images)/|DELETE /admin/.*/servers/|POST .*/(offboard|maintain)$")
AGAIN = 20


class Instances:
    """The newest instances, looked up anew after some calls."""

    def __init__(self):
        self.ids, self.calls = [], 0

    def one(self):
        if self.calls % AGAIN == 0:
            url = f"{SITE['endpoint']}/v1/{SITE['project_id']}/instances?limit=1000"
            request = urllib.request.Request(url, headers={"X-Auth-Token": SITE["operator_token"]})
            with urllib.request.urlopen(request, timeout=30) as answer:
                self.ids = [found["id"] for found in json.load(answer)["instances"]][-10:]
        self.calls += 1
        return CHANCE.choice(self.ids) if self.ids else None


INSTANCES = Instances()


def known(name):
    """A value for this field, of something that is there; nothing when there is none."""
    match name:
        case "image_id":
            return CHANCE.choice(list(SITE["image_ids"].values()))
        case "vpc_id":
            return SITE["vpc_id"]
        case "subnet_id":
            return CHANCE.choice(SITE["subnet_ids"])
        case "server_id":
            return CHANCE.choice(SITE["server_ids"])
        case "server_id_set":
            return CHANCE.sample(SITE["server_ids"], CHANCE.randint(1, 3))
        case "instance_id":
            return INSTANCES.one()
        case "instance_id_set":
            one = INSTANCES.one()
            return [one] if one else None
        case "password" | "new_password":
            return PASSWORD
        case "ipv4_address" | "ip_address":
            return ""
    return None


def id_of(path):
    """What the path's `id` is the id of."""
    for part, name in (("/instances/", "instance_id"), ("servers/", "server_id"), ("/images/", "image_id")):
        if part in path:
            return name
    return "subnet_id" if "subnets/" in path else "vpc_id" if "/vpcs/" in path else None


def put(value):
    """The same with most of the fields that name something naming what is there."""
    if isinstance(value, list):
        return [put(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {name: (CHANCE.random() < 0.9 and known(name)) or put(field) for name, field in value.items()}


@schemathesis.hook
def before_call(context, case, kwargs):
    call = f"{case.method} {case.path}"
    if CHANCE.random() < (0.02 if KEPT.search(call) else 0.75):
        wanted = id_of(case.path)
        if case.path_parameters and "id" in case.path_parameters and wanted:
            case.path_parameters["id"] = known(wanted) or case.path_parameters["id"]
    if isinstance(case.body, dict) and CHANCE.random() < 0.75:
        case.body = put(case.body)
