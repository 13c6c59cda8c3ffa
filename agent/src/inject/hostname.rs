//! hostname(5) and hosts(5).

use super::{Plan, plan::Nic};

/// `/etc/hostname`: the short name.
pub(super) fn hostname(plan: &Plan) -> String {
    format!("{}\n", plan.short_hostname())
}

/// `/etc/hosts` as Debian has it: 127.0.1.1 is the machine's own name.
pub(super) fn hosts(plan: &Plan) -> String {
    let (full, short) = (plan.hostname.as_str(), plan.short_hostname());
    let names = if full == short { short.to_owned() } else { format!("{full} {short}") };
    format!("127.0.0.1 localhost\n127.0.1.1 {names}\n::1 localhost ip6-localhost ip6-loopback\n")
}

/// `/etc/resolv.conf`: the first NIC's name servers, and the domain where the host name has one.
pub(super) fn resolv_conf(hostname: &str, nics: &[Nic]) -> String {
    let servers = nics.iter().take(1).flat_map(|nic| &nic.dns);
    let servers = servers.map(|server| format!("nameserver {server}\n")).collect::<String>();
    match hostname.split_once('.') {
        Some((_, domain)) => format!("search {domain}\n{servers}"),
        None => servers,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::plan, *};

    #[test]
    fn the_machine_knows_its_name() {
        let mut plan = plan();
        assert_eq!(hostname(&plan), "web-1\n");
        assert!(hosts(&plan).contains("\n127.0.1.1 web-1.example web-1\n"));
        assert_eq!(resolv_conf(&plan.hostname, &plan.nics), "search example\nnameserver 10.20.0.1\n");
        plan.hostname = "web".into();
        assert!(hosts(&plan).contains("\n127.0.1.1 web\n"));
        assert_eq!(resolv_conf(&plan.hostname, &plan.nics), "nameserver 10.20.0.1\n");
    }
}
