//! Random lists, and others that differ from them by little or nothing.

use exeat::intent::Deny;
use exeat::intent::Intent;
use exeat::intent::Permission;

use super::draw::Draw;
use super::list::allow;
use super::list::allow_by_address;
use super::list::deny;

const SOURCES: [&str; 6] =
    ["10.1.0.0/22", "10.1.8.0/24", "10.1.8.0/25", "10.1.8.128/25", "10.1.8.5/32", "any"];

/// Destinations by name, with services that show one.
const NAMED: [&str; 10] = [
    "example.com",
    "www.example.com",
    "*.example.com",
    "*.www.example.com",
    "*example.com",
    "example.org, *.example.org",
    "a.b.example.com",
    "*",
    "fqdn-tag AzureKubernetesService",
    "fqdn-tag HDInsight",
];

const WITH_A_NAME: [&str; 6] =
    ["https", "http", "https, http", "https/8443", "mssql proxy", "http/8080"];

/// Destinations by address, with services that show none.
const ADDRESSED: [&str; 9] = [
    "203.0.113.0/24",
    "203.0.113.0/25",
    "203.0.113.128/25",
    "10.20.0.0/16",
    "2001:db8::/32",
    "tag Storage",
    "tag Storage.WestEurope",
    "ntp.example.com",
    "turn.example.net, ntp.example.com",
];

const WITHOUT_A_NAME: [&str; 7] =
    ["tcp/22", "tcp/22-23", "tcp/443", "udp/123", "udp/443", "icmp", "proto/47"];

/// A sentence: whether it denies, its sources, where it goes and with what.
#[derive(Clone, Debug)]
struct Sentence {
    denies: bool,
    by_address: bool,
    from: &'static str,
    to: &'static str,
    with: &'static str,
}

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct List(Vec<Sentence>);

impl List {
    /// One of up to `most` sentences.
    pub(crate) fn draw(draw: &mut Draw, most: usize) -> List {
        let count = 1 + draw.below(most);
        List((0..count).map(|_| sentence(draw)).collect())
    }

    /// A neighbour: the same in another order, wider or narrower by a sentence or a part of one.
    pub(crate) fn neighbour(&self, draw: &mut Draw) -> List {
        let mut other = self.clone();
        let index = draw.below(other.0.len());
        match draw.below(100) {
            // The order of sentences means nothing, nor does it to say one twice.
            0..25 => {
                other.0.reverse();
                let twice = other.0[index].clone();
                other.0.push(twice);
            }
            25..40 => other.0.push(Sentence { denies: false, ..sentence(draw) }),
            40..70 => other.0.push(Sentence { denies: true, ..sentence(draw) }),
            70..90 if other.0.len() > 1 => drop(other.0.remove(index)),
            _ => other.0[index].from = draw.pick(&SOURCES),
        }
        other
    }

    /// What `self` permits and no sentence of `other` is about, wherever it goes.
    pub(crate) fn without(&self, other: &List) -> List {
        let denied = other.0.iter().map(|one| Sentence { denies: true, to: "any", ..one.clone() });
        List(self.0.iter().cloned().chain(denied).collect())
    }

    /// As it is resolved.
    pub(crate) fn intent(&self) -> Intent {
        let mut intent = Intent::default();
        for (index, one) in self.0.iter().enumerate() {
            let label = format!("s{index}");
            if one.denies {
                intent.denies.push(denied(&label, one));
            } else {
                intent.permissions.push(permitted(&label, one));
            }
        }
        intent
    }
}

fn permitted(label: &str, one: &Sentence) -> Permission {
    let make = if one.by_address { allow_by_address } else { allow };
    make(label, one.from, one.to, one.with)
}

fn denied(label: &str, one: &Sentence) -> Deny {
    deny(label, one.from, one.to, one.with)
}

fn sentence(draw: &mut Draw) -> Sentence {
    let from = draw.pick(&SOURCES);
    let denies = draw.chance(15);
    if draw.chance(50) {
        let to = draw.pick(&NAMED);
        let with = if to.starts_with("fqdn-tag") { "https" } else { draw.pick(&WITH_A_NAME) };
        Sentence { denies, by_address: false, from, to, with }
    } else {
        let (to, with) = (draw.pick(&ADDRESSED), draw.pick(&WITHOUT_A_NAME));
        let by_address = draw.chance(50);
        Sentence { denies, by_address, from, to, with }
    }
}
