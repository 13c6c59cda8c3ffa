"""What the family has and Billet has not says so, with one code."""

import pytest
from conftest import m
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException

ID = "0198170e-4ca7-7000-8000-000000000001"
TIMES = dict(_from="1700000000000", to="1700000100000")
TAGS = m.ResourceTags(tags=[m.Tag(key="row", value="7")])

CALLS = {
    "console": lambda c: c.show_remote_console(m.ShowRemoteConsoleRequest(id=ID)),
    "alarms": lambda c: c.list_alarms(m.ListAlarmsRequest(offset=0, limit=10, **TIMES)),
    "alarm summary": lambda c: c.show_alarm_summary(m.ShowAlarmSummaryRequest()),
    "alarm trend": lambda c: c.show_alarm_trend(m.ShowAlarmTrendRequest(**TIMES)),
    "log export": lambda c: c.export_server_logs(m.ExportServerLogsRequest(id=ID)),
    "log export's state": lambda c: c.show_logs_export_status(m.ShowLogsExportStatusRequest(id=ID, export_id=ID)),
    "log download": lambda c: c.download_server_logs(m.DownloadServerLogsRequest(id=ID, export_id=ID)),
    "racks": lambda c: c.list_i_racks(m.ListIRacksRequest(region="x", limit="10")),
    "rooms": lambda c: c.list_i_dcs(m.ListIDcsRequest(region="x", limit="10")),
    "a rack's change": lambda c: c.update_i_rack(m.UpdateIRackRequest(irack_id=ID, body=m.IRackRequest())),
    "a room's change": lambda c: c.update_i_dcs(m.UpdateIDcsRequest(body=[])),
    "a rack's tags": lambda c: c.batch_create_irack_tags(m.BatchCreateIrackTagsRequest(id=ID, body=TAGS)),
    "a rack's tags taken off": lambda c: c.batch_delete_irack_tags(m.BatchDeleteIrackTagsRequest(id=ID, body=TAGS)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_not_built_says_so(site, name):
    with pytest.raises(ServiceResponseException) as caught:
        CALLS[name](site.client)
    assert (caught.value.status_code, caught.value.error_code) == (501, "iMetal.0951"), caught.value
