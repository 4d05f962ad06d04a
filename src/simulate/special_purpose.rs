//! Addresses with a meaning of their own: the platform's, and those for private use.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use ipnet::IpNet;

use crate::azure::route::SYSTEM_DROPPED;
use crate::flow::AddressSet;

/// Prefixes that never leave the host or the link (`azure-routing.md §7`; for IPv6, RFC 4291 §2.4).
pub(super) const PLATFORM: &[&str] = &[
    "168.63.129.16/32",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "127.0.0.0/8",
    "ff00::/8",
    "fe80::/10",
    "::1/128",
];

/// Prefixes for private use: RFC 1918, RFC 6598, RFC 4193.
pub(super) const PRIVATE: &[&str] =
    &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// Where AKS LocalDNS listens on each node. It passes on what it does not know to CoreDNS or to the DNS
/// server of the virtual network (`azure-routing.md §7`), which is a flow of its own.
pub(super) const LOCAL_DNS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(169, 254, 10, 10)), IpAddr::V4(Ipv4Addr::new(169, 254, 10, 11))];

static PLATFORM_ADDRESSES: LazyLock<AddressSet> = LazyLock::new(|| set_of(PLATFORM));
static PRIVATE_ADDRESSES: LazyLock<AddressSet> = LazyLock::new(|| set_of(PRIVATE));

/// Whether `address` is one of the platform's, which no route or firewall sees.
pub(crate) fn is_platform(address: IpAddr) -> bool {
    PLATFORM_ADDRESSES.contains(address)
}

/// Whether `address` is for private use.
pub(crate) fn is_private(address: IpAddr) -> bool {
    PRIVATE_ADDRESSES.contains(address)
}

/// The addresses of [`is_platform`].
pub(crate) fn platform_addresses() -> &'static AddressSet {
    &PLATFORM_ADDRESSES
}

/// The addresses of [`is_private`].
pub(crate) fn private_addresses() -> &'static AddressSet {
    &PRIVATE_ADDRESSES
}

/// The addresses to which Azure has routes that drop (`azure-routing.md §1.1`).
pub(crate) fn dropped_by_azure() -> AddressSet {
    set_of(SYSTEM_DROPPED)
}

fn set_of(prefixes: &[&str]) -> AddressSet {
    prefixes.iter().filter_map(|text| text.parse::<IpNet>().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_tables_is_a_prefix() {
        for text in [PLATFORM, SYSTEM_DROPPED, PRIVATE].concat() {
            let prefix: IpNet = text.parse().unwrap();
            assert_eq!(prefix.trunc(), prefix, "{text}");
        }
    }
}
