//! The NIC that the server booted from: its address comes with the boot's identity, so nothing is asked for.

use anyhow::{Context, bail};
use billet_proto::{MacAddr, identity::ProvisioningNic};
use futures_util::TryStreamExt;
use rtnetlink::{LinkUnspec, packet_route::link::LinkAttribute};
use std::{net::IpAddr, time::Duration};
use tokio::time::Instant;

/// Drivers bring a NIC up at most this long after their module was loaded.
const DEADLINE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

/// Gives the NIC its address and takes it up.
pub(super) async fn bring_up(nic: &ProvisioningNic) -> anyhow::Result<()> {
    let (connection, handle, _) = rtnetlink::new_connection().context("open a netlink socket")?;
    let netlink = tokio::spawn(connection);
    let index = find(&handle, nic.mac).await?;
    let address = IpAddr::V4(nic.address);
    handle.address().add(index, address, nic.prefix_length).execute().await.context("set the address")?;
    handle.link().set(LinkUnspec::new_with_index(index).up().build()).execute().await.context("take the NIC up")?;
    netlink.abort();
    Ok(())
}

async fn find(handle: &rtnetlink::Handle, mac: MacAddr) -> anyhow::Result<u32> {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        let mut links = handle.link().get().execute();
        while let Some(link) = links.try_next().await.context("list the NICs")? {
            let is_it = link.attributes.iter().any(|attribute| match attribute {
                LinkAttribute::Address(bytes) => *bytes == mac.octets(),
                _ => false,
            });
            if is_it {
                return Ok(link.header.index);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("find NIC {mac}, which this server booted from: no driver brought it up within {} s", DEADLINE.as_secs())
}
