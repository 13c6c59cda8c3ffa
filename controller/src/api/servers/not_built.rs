//! Calls of the family that are not built yet: console, alarms, exports of logs, racks and rooms. Each answers the same
//! code.

use crate::api::error::ApiError;

macro_rules! not_built {
    ($($name:ident: $method:ident $path:literal $operation:literal params $params:tt;)*) => {
        $(
            /// Is not built yet.
            #[utoipa::path(
                $method,
                path = $path,
                operation_id = $operation,
                tag = "Not built",
                params $params,
                responses((status = 501, description = "iMetal.0951", body = crate::api::schema::error::CallError)),
            )]
            pub(in crate::api) async fn $name() -> ApiError {
                ApiError::NotBuilt
            }
        )*
    };
}

not_built! {
    console: get "/physicalservers/{id}/remote-console-address" "ShowRemoteConsole" params (("id" = String, Path));
    alarms: get "/physicalservers/alarms" "ListAlarms" params ();
    alarm_summary: get "/physicalservers/alarms/summary" "ShowAlarmSummary" params ();
    alarm_trend: get "/physicalservers/alarms/trend" "ShowAlarmTrend" params ();
    export_logs: post "/physicalservers/{id}/logs/exports" "ExportServerLogs" params (("id" = String, Path));
    export_status: get "/physicalservers/{id}/logs/exports/{export_id}" "ShowLogsExportStatus"
        params (("id" = String, Path), ("export_id" = String, Path));
    download_logs: get "/physicalservers/{id}/logs/exports/{export_id}/content" "DownloadServerLogs"
        params (("id" = String, Path), ("export_id" = String, Path));
    racks: get "/iracks" "ListIRacks" params ();
    update_rack: put "/iracks/{id}" "UpdateIRack" params (("id" = String, Path));
    put_rack_tags: post "/iracks/{id}/tags/create" "BatchCreateIrackTags" params (("id" = String, Path));
    remove_rack_tags: post "/iracks/{id}/tags/delete" "BatchDeleteIrackTags" params (("id" = String, Path));
    rooms: get "/idcs" "ListIDcs" params ();
    update_rooms: put "/idcs" "UpdateIDcs" params ();
}
