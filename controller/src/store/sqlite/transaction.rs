//! One transaction: each method hands on to its noun's file.

use super::{
    agent, baseline, event, fleet, image, image_import, instance, instance_list, inventory, network, parameter_plane,
    private_ip, reservation, search, server, server_event, server_list, wipe_receipt,
};
use crate::{
    clock::Timestamp,
    store::{
        ImagesWanted, InstancesWanted, Machine, Result, ServerEventsWanted, ServersWanted, Tally, Transaction,
        record::{
            AddressUse, Agent, Baseline, Event, Image, ImageImport, Instance, JoinToken, ListedServer, ManageState,
            NewEvent, PlaneReservation, PlaneSubnet, PrivateIp, Reservation, Server, ServerCount, ServerEvent, Subnet,
            Vpc, WipeReceipt,
        },
    },
};
use billet_proto::{
    AgentId, ImageId, InstanceId, PrivateIpId, ProjectId, ServerId, SubnetId, VpcId,
    link::{self, Inventory},
};
use std::{collections::HashSet, net::Ipv4Addr};

/// Dropped without commit, it rolls back.
pub(super) struct SqliteTransaction<'a>(pub(super) rusqlite::Transaction<'a>);

impl<'a> SqliteTransaction<'a> {
    pub(super) fn new(inner: rusqlite::Transaction<'a>) -> Self {
        Self(inner)
    }
}

impl Transaction for SqliteTransaction<'_> {
    fn commit(self: Box<Self>) -> Result<()> {
        Ok(self.0.commit()?)
    }

    fn insert_instance(&mut self, instance: &Instance) -> Result<()> {
        instance::insert(&self.0, instance)
    }
    fn update_instance(&mut self, instance: &Instance) -> Result<()> {
        instance::update(&self.0, instance)
    }
    fn instance(&mut self, id: InstanceId) -> Result<Option<Instance>> {
        instance::by_id(&self.0, id)
    }
    fn instance_on(&mut self, server: ServerId) -> Result<Option<Instance>> {
        instance::on_server(&self.0, server)
    }
    fn list_instances(&mut self, wanted: &InstancesWanted) -> Result<(Vec<Instance>, u64)> {
        instance_list::page(&self.0, wanted)
    }
    fn unfinished_instances(&mut self) -> Result<Vec<Instance>> {
        instance::unfinished(&self.0)
    }

    fn reserve(&mut self, reservation: &Reservation) -> Result<()> {
        reservation::insert(&self.0, reservation)
    }
    fn release(&mut self, instance: InstanceId) -> Result<()> {
        reservation::release(&self.0, instance)
    }
    #[cfg(test)]
    fn reserved_addresses(&mut self, vpc: VpcId) -> Result<Vec<Ipv4Addr>> {
        reservation::addresses(&self.0, vpc)
    }
    fn address_use(&mut self, vpc: VpcId, address: Ipv4Addr) -> Result<Option<AddressUse>> {
        reservation::of_address(&self.0, vpc, address)
    }
    fn addresses_in_use(&mut self, subnet: SubnetId) -> Result<u64> {
        reservation::count(&self.0, subnet)
    }
    fn free_address(&mut self, subnet: &Subnet, except: &HashSet<Ipv4Addr>) -> Result<Option<Ipv4Addr>> {
        search::in_subnet(&self.0, subnet, except)
    }
    fn hold(&mut self, held: &PrivateIp) -> Result<()> {
        private_ip::insert(&self.0, held)
    }
    fn private_ip(&mut self, id: PrivateIpId) -> Result<Option<PrivateIp>> {
        private_ip::by_id(&self.0, id)
    }
    fn private_ips(
        &mut self,
        project: &ProjectId,
        subnet: Option<SubnetId>,
        marker: Option<PrivateIpId>,
        limit: u32,
    ) -> Result<Vec<PrivateIp>> {
        private_ip::page(&self.0, project, subnet, marker, limit)
    }
    fn delete_private_ip(&mut self, id: PrivateIpId) -> Result<()> {
        private_ip::delete(&self.0, id)
    }

    fn insert_event(&mut self, event: &NewEvent) -> Result<u64> {
        event::insert(&self.0, event)
    }
    fn events(&mut self, instance: InstanceId, after_seq: u64, limit: u32) -> Result<Vec<Event>> {
        event::after(&self.0, instance, after_seq, limit)
    }

    fn insert_server(&mut self, server: &Server) -> Result<()> {
        server::insert(&self.0, server)
    }
    fn update_server(&mut self, server: &Server) -> Result<()> {
        server::update(&self.0, server)
    }
    fn inventory(&mut self, server: ServerId) -> Result<Option<Inventory>> {
        inventory::of_server(&self.0, server)
    }
    fn record_inventory(&mut self, server: ServerId, seen: &Inventory) -> Result<()> {
        inventory::record(&self.0, server, seen)
    }
    fn forget_inventory(&mut self, server: ServerId) -> Result<()> {
        inventory::forget(&self.0, server)
    }
    fn baseline(&mut self, server: ServerId) -> Result<Option<Baseline>> {
        baseline::of_server(&self.0, server)
    }
    fn record_baseline(&mut self, server: ServerId, baseline: &Baseline) -> Result<()> {
        baseline::record(&self.0, server, baseline)
    }
    fn baseline_seen(&mut self, server: ServerId, generation: u64) -> Result<Option<link::Baseline>> {
        baseline::seen(&self.0, server, generation)
    }
    fn record_baseline_seen(&mut self, server: ServerId, generation: u64, facts: &link::Baseline) -> Result<()> {
        baseline::record_seen(&self.0, server, generation, facts)
    }
    fn server(&mut self, id: ServerId) -> Result<Option<Server>> {
        server::by_id(&self.0, id)
    }
    #[cfg(test)]
    fn servers(&mut self) -> Result<Vec<Server>> {
        server::all(&self.0)
    }
    fn server_drawn(&mut self, draw: u64) -> Result<Option<Server>> {
        fleet::drawn(&self.0, draw)
    }
    fn servers_in(&mut self, state: ManageState) -> Result<Vec<Server>> {
        fleet::in_state(&self.0, state)
    }
    fn servers_of(&mut self, owner: AgentId) -> Result<Vec<Server>> {
        fleet::of_owner(&self.0, owner)
    }
    fn servers_registered_for(&mut self, agent: AgentId) -> Result<Vec<Server>> {
        fleet::registered_for(&self.0, agent)
    }
    fn server_tally(&mut self, project: &ProjectId) -> Result<Vec<Tally>> {
        fleet::tally(&self.0, project)
    }
    fn machines(&mut self) -> Result<Vec<Machine>> {
        fleet::machines(&self.0)
    }
    fn unfinished_of(&mut self, owner: AgentId) -> Result<(Vec<Server>, Vec<Instance>)> {
        fleet::unfinished_of(&self.0, owner)
    }
    fn overdue(&mut self, now: Timestamp) -> Result<(Vec<Server>, Vec<Instance>)> {
        fleet::overdue(&self.0, now)
    }
    fn next_deadline(&mut self, after: Timestamp) -> Result<Option<Timestamp>> {
        fleet::next_deadline(&self.0, after)
    }
    fn untaken(&mut self, now: Timestamp, limit: u32) -> Result<(Vec<Server>, Vec<Instance>)> {
        fleet::untaken(&self.0, now, limit)
    }
    fn next_resend(&mut self, now: Timestamp) -> Result<Option<Timestamp>> {
        fleet::next_resend(&self.0, now)
    }
    fn listed_servers(&mut self, wanted: &ServersWanted) -> Result<(Vec<ListedServer>, u64)> {
        server_list::page(&self.0, wanted)
    }
    fn listed_server(&mut self, id: ServerId) -> Result<Option<ListedServer>> {
        server_list::one(&self.0, id)
    }
    fn server_counts(&mut self, project: Option<&ProjectId>) -> Result<Vec<ServerCount>> {
        server_list::counts(&self.0, project)
    }
    fn unfinished_servers(&mut self) -> Result<Vec<Server>> {
        server::unfinished(&self.0)
    }
    fn has_instances_on_record(&mut self, server: ServerId) -> Result<bool> {
        server::has_instances_on_record(&self.0, server)
    }
    fn delete_server(&mut self, id: ServerId) -> Result<()> {
        server::delete(&self.0, id)
    }
    fn insert_server_event(&mut self, event: &ServerEvent) -> Result<u64> {
        server_event::insert(&self.0, event)
    }
    fn server_events(&mut self, wanted: &ServerEventsWanted) -> Result<(Vec<ServerEvent>, u64)> {
        server_event::wanted(&self.0, wanted)
    }
    fn insert_wipe_receipt(&mut self, receipt: &WipeReceipt) -> Result<u64> {
        wipe_receipt::insert(&self.0, receipt)
    }
    fn wipe_receipts(&mut self, server: ServerId, before: Option<u64>, limit: u32) -> Result<Vec<WipeReceipt>> {
        wipe_receipt::page(&self.0, server, before, limit)
    }

    fn insert_agent(&mut self, agent: &Agent) -> Result<()> {
        agent::insert(&self.0, agent)
    }
    fn update_agent(&mut self, agent: &Agent) -> Result<()> {
        agent::update(&self.0, agent)
    }
    fn agent(&mut self, id: AgentId) -> Result<Option<Agent>> {
        agent::by_id(&self.0, id)
    }
    fn agents(&mut self) -> Result<Vec<Agent>> {
        agent::all(&self.0)
    }
    fn agent_by_name(&mut self, name: &str) -> Result<Option<Agent>> {
        agent::by_name(&self.0, name)
    }
    fn agent_by_certificate(&mut self, fingerprint: &[u8; 32]) -> Result<Option<Agent>> {
        agent::by_certificate(&self.0, fingerprint)
    }
    fn insert_join_token(&mut self, token: &JoinToken) -> Result<()> {
        agent::insert_join_token(&self.0, token)
    }
    fn take_join_token(&mut self, secret_sha256: &[u8; 32]) -> Result<Option<JoinToken>> {
        agent::take_join_token(&self.0, secret_sha256)
    }
    fn forget_join_tokens(&mut self, agent_name: &str) -> Result<()> {
        agent::forget_join_tokens(&self.0, agent_name)
    }
    fn forget_all_join_tokens(&mut self) -> Result<()> {
        agent::forget_all_join_tokens(&self.0)
    }

    fn insert_image(&mut self, image: &Image) -> Result<()> {
        image::insert(&self.0, image)
    }
    fn image(&mut self, id: ImageId) -> Result<Option<Image>> {
        image::by_id(&self.0, id)
    }
    fn images(&mut self) -> Result<Vec<Image>> {
        image::all(&self.0)
    }
    fn images_wanted(&mut self, wanted: &ImagesWanted) -> Result<Vec<Image>> {
        image::page(&self.0, wanted)
    }
    fn update_image(&mut self, image: &Image) -> Result<()> {
        image::update(&self.0, image)
    }
    fn instances_of_image(&mut self, id: ImageId, except: Option<&ProjectId>) -> Result<u64> {
        image::instances_of(&self.0, id, except)
    }
    fn delete_image(&mut self, id: ImageId, now: Timestamp) -> Result<()> {
        image::delete(&self.0, id, now)
    }

    fn insert_image_import(&mut self, import: &ImageImport) -> Result<()> {
        image_import::insert(&self.0, import)
    }
    fn update_image_import(&mut self, import: &ImageImport) -> Result<()> {
        image_import::update(&self.0, import)
    }
    fn image_import(&mut self, id: ImageId) -> Result<Option<ImageImport>> {
        image_import::by_id(&self.0, id)
    }
    fn image_imports_wanted(&mut self, wanted: &ImagesWanted) -> Result<Vec<ImageImport>> {
        image_import::page(&self.0, wanted)
    }
    fn unfinished_image_imports(&mut self) -> Result<Vec<ImageImport>> {
        image_import::unfinished(&self.0)
    }
    fn delete_image_import(&mut self, id: ImageId) -> Result<()> {
        image_import::delete(&self.0, id)
    }

    fn insert_vpc(&mut self, vpc: &Vpc) -> Result<()> {
        network::insert_vpc(&self.0, vpc)
    }
    fn vpc(&mut self, id: VpcId) -> Result<Option<Vpc>> {
        network::vpc(&self.0, id)
    }
    fn vpcs(&mut self, project: &ProjectId, marker: Option<VpcId>, limit: u32) -> Result<Vec<Vpc>> {
        network::vpcs(&self.0, project, marker, limit)
    }
    fn update_vpc(&mut self, vpc: &Vpc) -> Result<()> {
        network::update_vpc(&self.0, vpc)
    }
    fn instances_in_vpc(&mut self, vpc: VpcId) -> Result<u64> {
        network::instances_in(&self.0, vpc)
    }
    fn delete_vpc(&mut self, id: VpcId, now: Timestamp) -> Result<()> {
        network::delete_vpc(&self.0, id, now)
    }
    fn insert_subnet(&mut self, subnet: &Subnet) -> Result<()> {
        network::insert_subnet(&self.0, subnet)
    }
    fn subnet(&mut self, id: SubnetId) -> Result<Option<Subnet>> {
        network::subnet(&self.0, id)
    }
    fn subnets(
        &mut self,
        project: &ProjectId,
        vpc: Option<VpcId>,
        marker: Option<SubnetId>,
        limit: u32,
    ) -> Result<Vec<Subnet>> {
        network::subnets(&self.0, project, vpc, marker, limit)
    }
    fn subnet_up_to(&mut self, vpc: VpcId, address: Ipv4Addr) -> Result<Option<Subnet>> {
        network::subnet_up_to(&self.0, vpc, address)
    }
    fn subnets_in_vpc(&mut self, vpc: VpcId) -> Result<u64> {
        network::subnets_in(&self.0, vpc)
    }
    fn update_subnet(&mut self, subnet: &Subnet) -> Result<()> {
        network::update_subnet(&self.0, subnet)
    }
    fn delete_subnet(&mut self, id: SubnetId) -> Result<()> {
        network::delete_subnet(&self.0, id)
    }

    fn insert_plane_subnet(&mut self, subnet: &PlaneSubnet) -> Result<()> {
        parameter_plane::insert(&self.0, subnet)
    }
    fn plane_subnets(&mut self) -> Result<Vec<PlaneSubnet>> {
        parameter_plane::by_rail(&self.0)
    }
    fn delete_plane_subnet(&mut self, id: SubnetId) -> Result<()> {
        parameter_plane::delete(&self.0, id)
    }
    fn plane_addresses_in_use(&mut self, subnet: SubnetId) -> Result<u64> {
        parameter_plane::in_use(&self.0, subnet)
    }
    fn free_plane_address(&mut self, subnet: &PlaneSubnet, except: &HashSet<Ipv4Addr>) -> Result<Option<Ipv4Addr>> {
        search::on_plane(&self.0, subnet, except)
    }
    fn reserve_on_plane(&mut self, reservation: &PlaneReservation) -> Result<()> {
        parameter_plane::reserve(&self.0, reservation)
    }

    fn purge(&mut self, before: Timestamp) -> Result<u64> {
        agent::purge_join_tokens(&self.0, before)?;
        let purged = instance::purge(&self.0, before)?;
        network::purge(&self.0)?;
        image::purge(&self.0)?;
        image_import::purge(&self.0, before)?;
        Ok(purged)
    }
    fn purge_server_events(&mut self, before: Timestamp) -> Result<u64> {
        server_event::purge(&self.0, before)
    }
    fn purge_wipe_receipts(&mut self, before: Timestamp) -> Result<u64> {
        wipe_receipt::purge(&self.0, before)
    }
}
