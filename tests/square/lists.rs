//! Small lists.

use exeat::azure::address::AddressEntry;
use exeat::intent::Deny;
use exeat::intent::Destination;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::Requirement;
use exeat::intent::topology::Tier;

use super::draw::Draw;
use super::list;
use super::policies::Pool;
use super::worlds::APPS;
use super::worlds::REMOTE;

/// A list of one to three statements about the values of `pool`.
pub(crate) fn list(draw: &mut Draw, pool: &Pool) -> Intent {
    let tier = draw.pick(&[Tier::Standard, Tier::Premium]);
    let mut intent = list::hub_and_spoke(tier);
    let is_any = pool.sources.contains(&AddressEntry::Any);
    let sources = if is_any { "0.0.0.0/0" } else { APPS };
    let count = 1 + draw.below(3);
    for number in 0..count {
        let destination = destination(draw, pool);
        if draw.chance(30) {
            let services = draw.pick(&["any", "https", "http, https", "udp/53", "tcp/22-443"]);
            let is_all = draw.chance(20);
            let deny = list::deny(&format!("d{number}"), sources, "any", services);
            let destinations = if is_all { vec![Destination::Any] } else { vec![destination] };
            intent.denies.push(Deny { destinations, ..deny });
        } else {
            let permission = permission(draw, &format!("p{number}"), sources, destination);
            intent.permissions.push(permission);
        }
    }
    intent
}

fn permission(draw: &mut Draw, label: &str, sources: &str, destination: Destination) -> Permission {
    let is_read = matches!(
        destination,
        Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. }
    );
    let services = if is_read {
        draw.pick(&["https", "http, https"])
    } else {
        draw.pick(&[
            "https",
            "https, http",
            "https/8443",
            "mssql proxy",
            "mssql redirect",
            "tcp/22-443",
            "udp/53",
            "icmp",
            "proto/47",
        ])
    };
    let make = if draw.chance(25) { list::allow_by_address } else { list::allow };
    let permission = make(label, sources, "any", services);
    let is_optional = draw.chance(25);
    let requirement = if is_optional { Requirement::Optional } else { Requirement::Required };
    Permission { requirement, destinations: vec![destination], ..permission }
}

fn destination(draw: &mut Draw, pool: &Pool) -> Destination {
    match draw.below(20) {
        0..=8 => {
            let patterns: Vec<String> = pool.patterns.iter().map(ToString::to_string).collect();
            let is_wide = patterns.iter().any(|pattern| pattern.starts_with('*'));
            let except = if is_wide && draw.chance(40) { "b.a.example" } else { "" };
            list::names(&patterns.join(", "), except)
        }
        9..=12 => Destination::Addresses(list::addresses(draw.pick(&[REMOTE, "20.1.2.3/32"]))),
        13 | 14 => {
            Destination::ServiceTag(draw.pick(&["Storage", "Storage.WestEurope"]).to_owned())
        }
        15 => Destination::FqdnTag("WindowsUpdate".to_owned()),
        16 | 17 => Destination::WebCategory("News".to_owned()),
        _ => Destination::Url { host: draw.pick(&pool.patterns), path: pool.path.to_owned() },
    }
}
