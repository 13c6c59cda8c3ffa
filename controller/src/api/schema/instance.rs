//! Instances.

use super::{Id, Ipv4Address, Mac, Project, Timestamp, image::OsType, page::PageInfo};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The body of CreateInstance.
#[derive(ToSchema)]
pub(in crate::api) struct CreateInstance {
    /// Kept as given; the host name in the OS is derived from it.
    #[schema(pattern = "^[A-Za-z0-9_.-]{1,63}$", example = "web-1")]
    name: String,
    /// An image that the project sees.
    image_id: Id,
    /// The network of all NICs.
    vpc_id: Id,
    /// The first is primary.
    #[schema(min_items = 1, max_items = 2)]
    network_interfaces: Vec<NicRequest>,
    /// At least three of upper case, lower case, digits and `!@$%^-_=+[{}]:,./?`; never the administrator's name, also
    /// not reversed.
    #[schema(min_length = 8, max_length = 26, pattern = "^[A-Za-z0-9!@$%^_=+\\[{}\\]:,./?-]{8,26}$", format = Password)]
    password: String,
    /// At most 10 pairs: keys of 1 to 255 letters, digits, blanks and `-_:.`, values of at most 255 characters.
    metadata: Option<BTreeMap<String, String>>,
    #[schema(max_length = 255)]
    description: Option<String>,
    placement: Option<Placement>,
    /// Of the instance.
    #[schema(max_items = 20)]
    tags: Option<Vec<Tag>>,
    /// For cloud-init, in base64; at most 32 KiB before encoding.
    #[schema(max_length = 44000)]
    user_data: Option<String>,
    /// OpenSSH public keys for the administrator's account, each on one line and without options.
    #[schema(max_items = 10)]
    ssh_keys: Option<Vec<String>>,
    /// Only 1: batch-create makes several.
    #[schema(minimum = 1, maximum = 1)]
    min_count: Option<u32>,
    /// Only 1: batch-create makes several.
    #[schema(minimum = 1, maximum = 1)]
    max_count: Option<u32>,
}

/// A NIC as asked for.
#[derive(ToSchema)]
pub(in crate::api) struct NicRequest {
    /// A subnet of the VPC.
    subnet_id: Id,
    /// Free in the subnet; absent or blank: any.
    #[schema(example = "10.20.0.7")]
    ipv4_address: Option<String>,
}

/// Where an instance goes; absent: to any idle server.
#[derive(ToSchema)]
pub(in crate::api) struct Placement {
    server_id: Option<Id>,
    /// Instead of `server_id`.
    #[schema(min_items = 1, max_items = 1)]
    server_id_set: Option<Vec<Id>>,
}

/// The body of RunInstances: as CreateInstance, without addresses, and for several.
#[derive(ToSchema)]
pub(in crate::api) struct CreateBatch {
    /// Where more than one may be created, of at most 58 characters: `-0001` and so on is added.
    #[schema(pattern = "^[A-Za-z0-9_.-]{1,63}$", example = "web")]
    name: String,
    /// An image that the project sees.
    image_id: Id,
    /// The network of all NICs.
    vpc_id: Id,
    /// The first is primary; addresses are automatic.
    #[schema(min_items = 1, max_items = 2)]
    network_interfaces: Vec<BatchNic>,
    /// As in CreateInstance.
    #[schema(min_length = 8, max_length = 26, pattern = "^[A-Za-z0-9!@$%^_=+\\[{}\\]:,./?-]{8,26}$", format = Password)]
    password: String,
    /// As in CreateInstance.
    metadata: Option<BTreeMap<String, String>>,
    #[schema(max_length = 255)]
    description: Option<String>,
    placement: Option<BatchPlacement>,
    #[schema(max_items = 20)]
    tags: Option<Vec<Tag>>,
    /// As in CreateInstance.
    #[schema(max_length = 44000)]
    user_data: Option<String>,
    #[schema(max_items = 10)]
    ssh_keys: Option<Vec<String>>,
    /// Fewer are not created at all; 1 where neither it nor a set of servers is given.
    #[schema(minimum = 1, maximum = 50)]
    min_count: Option<u32>,
    /// At least `min_count`, which it also is where absent, and at most the size of the set of servers.
    #[schema(minimum = 1, maximum = 50)]
    max_count: Option<u32>,
}

/// A NIC of each instance.
#[derive(ToSchema)]
pub(in crate::api) struct BatchNic {
    /// A subnet of the VPC.
    subnet_id: Id,
}

/// Where the instances go; absent: to any idle servers.
#[derive(ToSchema)]
pub(in crate::api) struct BatchPlacement {
    /// Without counts one instance goes to each.
    #[schema(min_items = 1, max_items = 50)]
    server_id_set: Option<Vec<Id>>,
}

/// The answer to a dry run.
#[derive(ToSchema)]
pub(in crate::api) struct DryRun {
    would: Would,
}

/// What would be chosen.
#[derive(ToSchema)]
pub(in crate::api) struct Would {
    server_ids: Vec<Id>,
    /// For each server those of the VPC, in the NICs' order.
    addresses: Vec<Vec<Ipv4Address>>,
}

/// The body of DeleteInstances.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceIdSet {
    #[schema(min_items = 1, max_items = 50)]
    instance_id_set: Vec<Id>,
}

/// The body of calls for tags.
#[derive(ToSchema)]
pub(in crate::api) struct Tags {
    #[schema(min_items = 1, max_items = 20)]
    tags: Vec<Tag>,
}

/// The answer to CreateInstance.
#[derive(ToSchema)]
pub(in crate::api) struct Accepted {
    instance_id: Id,
}

/// The body of ReinstallOS.
#[derive(ToSchema)]
pub(in crate::api) struct Reinstall {
    /// Absent or blank: each instance's present image.
    image_id: Option<String>,
    /// As in CreateInstance.
    #[schema(min_length = 8, max_length = 26, format = Password)]
    password: String,
    #[schema(min_items = 1, max_items = 10)]
    instance_id_set: Vec<Id>,
}

/// The body of ChangeInstancePassword.
#[derive(ToSchema)]
pub(in crate::api) struct ChangePassword {
    /// As in CreateInstance.
    #[schema(min_length = 8, max_length = 26, format = Password)]
    new_password: String,
    #[schema(min_items = 1, max_items = 50)]
    instance_id_set: Vec<Id>,
}

/// The body of ModifyInstanceIp.
#[derive(ToSchema)]
pub(in crate::api) struct ModifyIp {
    /// Absent: the present one.
    vpc_id: Option<Id>,
    /// The first is primary.
    #[schema(min_items = 1, max_items = 2)]
    nics: Vec<ModifiedNic>,
}

/// A NIC as it is to be.
#[derive(ToSchema)]
pub(in crate::api) struct ModifiedNic {
    /// A subnet of the VPC.
    subnet_id: Id,
    /// Free in the subnet, or the instance's own; absent or blank: any.
    ip_address: Option<String>,
}

/// The instances that a call for several was about.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceIds {
    instances: Vec<InstanceIdItem>,
}

/// One of them.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceIdItem {
    id: Id,
}

/// A page of instances.
#[derive(ToSchema)]
pub(in crate::api) struct Instances {
    instances: Vec<Instance>,
    page_info: PageInfo,
    /// How many the whole list has.
    count: u64,
}

/// Where an instance stands.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceStatus {
    state: State,
    operation_state: OperationState,
    #[schema(required = false)]
    error: InstanceError,
}

/// An instance: the family's fields, and ours beside them.
#[derive(ToSchema)]
pub(in crate::api) struct Instance {
    id: Id,
    name: String,
    description: String,
    project_id: Project,
    vpc_id: Id,
    /// 1 or 2 of the VPC, the first being primary; after them those of the parameter plane, by rail.
    network_interfaces: Vec<Nic>,
    tags: Vec<Tag>,
    /// OpenSSH public keys for the administrator's account.
    ssh_keys: Vec<String>,
    /// For cloud-init, in base64; in the answer of ShowInstance alone.
    #[schema(required = false)]
    user_data: String,
    state: State,
    operation_state: OperationState,
    metadata: BTreeMap<String, String>,
    server_id: Id,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// RFC 3339 in UTC; empty before it first ran.
    #[schema(pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)?$")]
    launched_at: String,
    /// The step in progress, or the end that was reached.
    phase: Phase,
    /// What it waits for, for a person; empty when for nothing.
    waiting_for: String,
    /// When what it waits for changed last; absent where it waits for nothing.
    #[schema(required = false)]
    waiting_since: Timestamp,
    /// Which try of the step it is, or of sending the order, from 1; absent where that is not told.
    #[schema(required = false)]
    attempt: u32,
    /// When the next try comes; absent where one is going on.
    #[schema(required = false)]
    next_try_at: Timestamp,
    /// Absent once the image was deleted.
    #[schema(required = false)]
    image: InstanceImage,
    #[schema(required = false)]
    error: InstanceError,
    /// When the present phase becomes an error; absent when nothing is in progress.
    #[schema(required = false)]
    deadline: Timestamp,
    /// The OpenSSH host key that was made for it.
    #[schema(required = false)]
    host_key: String,
    /// Of the host key, as `ssh-keygen -l` prints it.
    #[schema(required = false, pattern = "^SHA256:[A-Za-z0-9+/]{43}$")]
    host_key_fingerprint: String,
    /// What proved that it runs, such as `ssh-host-key`.
    #[schema(required = false)]
    proof: String,
    /// How far the boot was trusted: `lan` or `bmc`.
    #[schema(required = false)]
    boot_trust: String,
}

/// A NIC of an instance.
#[derive(ToSchema)]
pub(in crate::api) struct Nic {
    subnet_id: Id,
    ipv4_address: Ipv4Address,
    mac_address: Mac,
}

/// The image of an instance.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceImage {
    id: Id,
    name: String,
    os_type: OsType,
}

/// A label.
#[derive(ToSchema)]
pub(in crate::api) struct Tag {
    key: String,
    value: String,
}

/// Why an instance is in error.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceError {
    /// The cause's name.
    error_code: String,
    /// For a person.
    error_msg: String,
    /// The operation that failed.
    error_type: String,
}

/// The family's states.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::api) enum State {
    Pending,
    Running,
    Stopped,
    ShuttingDown,
    Terminated,
    Error,
}

/// An operation and how it goes; power actions have none of their own, theirs stands at the server.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::api) enum OperationState {
    InstallProcessing,
    InstallSucceed,
    InstallFailed,
    ReinstallProcessing,
    ReinstallSucceed,
    ReinstallFailed,
    SwitchInstallProcessing,
    SwitchInstallSucceed,
    SwitchInstallFailed,
    ModifyIpProcessing,
    ModifyIpSucceed,
    ModifyIpFailed,
    UninstallProcessing,
    UninstallSucceed,
    UninstallFailed,
}

/// How far an operation came.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::api) enum Phase {
    Waiting,
    PowerOff,
    Power,
    Boot,
    Inspect,
    Write,
    Configure,
    HandOver,
    Verify,
    Cancelling,
    Running,
    Stopped,
    Failed,
    Terminated,
}
