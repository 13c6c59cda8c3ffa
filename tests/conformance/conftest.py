"""What the conformance tests work with: the unmodified public client, and the file that says where Billet is.

BILLET_SITE names the file that `cargo xtask lab up` wrote, of a simulated fleet or of a laboratory.
"""

import json
import os
import pathlib
import time

import pytest
from huaweicloudsdkclouddc.v1 import CloudDCClient
from huaweicloudsdkclouddc.v1 import model as m
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig

PASSWORD = "Conform-1ty"


class Site:
    """Where Billet is, and a client that signs as its users' do."""

    def __init__(self, path):
        self.values = json.loads(pathlib.Path(path).read_text())
        self.client = self.client_of(self.values["access_key"], self.values["secret_key"])

    def __getitem__(self, name):
        return self.values[name]

    def client_of(self, access_key, secret_key, project=None):
        config = HttpConfig.get_default_config()
        config.ssl_ca_cert = self.values.get("ca_file")
        config.timeout = (5, 60)
        credentials = BasicCredentials(access_key, secret_key, project or self.values["project_id"])
        builder = CloudDCClient.new_builder().with_http_config(config).with_credentials(credentials)
        return builder.with_endpoint(self.values["endpoint"]).build()

    @property
    def image(self):
        return next(iter(self.values["image_ids"].values()))

    def body(self, name, **more):
        fields = dict(
            name=name,
            image_id=self.image,
            vpc_id=self.values["vpc_id"],
            network_interfaces=[m.NetworkInterface(subnet_id=self.values["subnet_ids"][0])],
            password=PASSWORD,
        )
        fields.update(more)
        return m.CreateInstanceOpitons(**fields)

    def create(self, name, **more):
        return self.client.create_instance(m.CreateInstanceRequest(body=self.body(name, **more))).instance_id

    def batch(self, name, **more):
        fields = dict(
            name=name,
            image_id=self.image,
            vpc_id=self.values["vpc_id"],
            network_interfaces=[m.RunInstancesOptionsNetworkInterfaces(subnet_id=self.values["subnet_ids"][0])],
            password=PASSWORD,
        )
        fields.update(more)
        return self.client.run_instances(m.RunInstancesRequest(body=m.RunInstancesOptions(**fields)))

    def status(self, instance):
        answer = self.client.show_instance_status(m.ShowInstanceStatusRequest(id=instance))
        assert answer.status_code == 200
        return answer.to_json_object()

    def settled(self, instance, *wanted, seconds=30):
        """Waits for one of these states; an error that is not wanted fails at once, with its cause."""
        end = time.monotonic() + seconds
        pause = 0.02
        while True:
            status = self.status(instance)
            if status["state"] in wanted:
                return status
            assert status["state"] != "error", status
            assert time.monotonic() < end, f"{instance} is {status} after {seconds} s, and not {wanted}"
            time.sleep(pause)
            # A real server takes minutes, and a caller has a rate.
            pause = min(pause * 1.2, 1.0)

    def delete(self, instance):
        answer = self.client.delete_instance(m.DeleteInstanceRequest(id=instance))
        assert answer.status_code == 204

    def listed(self, **query):
        answer = self.client.list_instances(m.ListInstancesRequest(**query))
        assert answer.status_code == 200
        return answer.to_json_object()

    def one(self, instance):
        (found,) = self.listed(instance_id=instance)["instances"]
        return found

    def server(self, server):
        answer = self.client.show_server(m.ShowServerRequest(id=server))
        assert answer.status_code == 200
        return answer.to_json_object()

    def server_settled(self, server, manage_state, seconds=30):
        end = time.monotonic() + seconds
        while (found := self.server(server))["manage_state"] != manage_state:
            assert time.monotonic() < end, f"server {server} is {found['manage_state']}, and not {manage_state}"
            time.sleep(0.02)
        return found

    def rules(self, text):
        """Gives the simulated fleet other rules; they hold from the next step on."""
        path = pathlib.Path(self.values["rules_file"])
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)


def refused(call, status, code, *words):
    """Asserts that a call is refused with this status, this code, and each of these words."""
    with pytest.raises(ClientRequestException) as caught:
        call()
    error = caught.value
    assert (error.status_code, error.error_code) == (status, code), error
    for word in words:
        assert word in error.error_msg, (word, error.error_msg)
    assert error.request_id, "an answer has a request id"
    return error


@pytest.fixture(scope="session")
def site():
    return Site(os.environ["BILLET_SITE"])


@pytest.fixture
def instance(site):
    """An instance that runs, and is given back afterwards."""
    made = site.create("fixture")
    site.settled(made, "running")
    yield made
    server = site.one(made)["server_id"] if site.status(made)["state"] != "terminated" else None
    if server:
        site.delete(made)
        site.settled(made, "terminated")
        site.server_settled(server, "ready")


@pytest.fixture
def rules(site):
    """The fleet's rules, taken back afterwards."""
    yield site.rules
    if "rules_file" in site.values:
        site.rules("")
