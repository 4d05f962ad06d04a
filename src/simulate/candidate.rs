//! The routes that match a destination, and which of them wins (`azure-routing.md §2`, §3).

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;

use super::inquiry::Inquiry;
use super::route::RouteSource;
use crate::azure::Key;
use crate::azure::route::NextHop;
use crate::flow::Atom;

/// How specific a candidate is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// A prefix.
    Prefix(IpNet),
    /// A prefix of a service tag, in lower case. Whether one holds the destination, and its
    /// length, only the environment knows.
    Tag(String),
}

/// Which candidate wins among those with one prefix: the greatest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rank {
    /// A drop route of the system gives way to a system route of the same prefix (§1.1).
    SystemNone,
    System,
    Gateway,
    User,
}

/// A route that matches the destination, if its tag holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) reach: Reach,
    /// Its destination, as the report shows it.
    pub(super) shown: String,
    pub(crate) rank: Rank,
    pub(super) source: RouteSource,
    pub(crate) kind: Kind,
}

/// What a candidate is, as far as selection treats it apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    VnetLocal,
    SystemInternet,
    SystemNone,
    Peering(Key),
    Gateway,
    ServiceEndpoint(String),
    User { next_hop: NextHop, has_bgp_override: bool },
}

impl Candidate {
    /// A route of Azure's own.
    pub(super) fn system(prefix: IpNet, rank: Rank, source: RouteSource, kind: Kind) -> Candidate {
        Candidate { reach: Reach::Prefix(prefix), shown: prefix.to_string(), rank, source, kind }
    }

    /// Whether it matches `destination`, which lies in its prefix where it has one.
    pub(super) fn is_there(&self, destination: IpAddr, inquiry: &mut Inquiry<'_>) -> bool {
        match &self.reach {
            Reach::Prefix(_) => true,
            Reach::Tag(tag) => {
                inquiry.ask(&Atom::InServiceTag { tag: tag.clone(), address: destination })
            }
        }
    }

    /// Whether it takes the place of what gateways have learned (`azure-routing.md §1.3`).
    pub(crate) fn overrides_gateways(&self) -> bool {
        matches!(self.kind, Kind::User { has_bgp_override: true, .. })
    }

    /// The length, where it is known.
    pub(crate) fn length(&self) -> Option<u8> {
        match &self.reach {
            Reach::Prefix(prefix) => Some(prefix.prefix_len()),
            Reach::Tag(_) => None,
        }
    }
}

/// The route that wins among `candidates`.
///
/// Routes that lead to one place are not compared where that needs the environment: it does not
/// matter which of them wins, and tags are often used side by side.
pub(super) fn winner(
    candidates: Vec<Candidate>,
    address: IpAddr,
    inquiry: &mut Inquiry<'_>,
) -> Option<Candidate> {
    // All lead to one place, and one of them wins over every candidate so far.
    let mut leading: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let same_place = leading.iter().all(|held| held.kind == candidate.kind);
        let of_known_length = leading.iter_mut().find(|held| held.length().is_some());
        match (same_place, of_known_length) {
            (true, Some(held)) if candidate.length().is_some() => {
                if beats(&candidate, held, address, inquiry) {
                    *held = candidate;
                }
            }
            (true, Some(_) | None) => leading.push(candidate),
            (false, Some(_) | None) => {
                if leading.iter().all(|held| beats(&candidate, held, address, inquiry)) {
                    leading = vec![candidate];
                }
            }
        }
    }
    leading.into_iter().next()
}

/// Whether `one` wins over `other`: the longer prefix, then user over gateway over system
/// (`azure-routing.md §2.1`); a tag's prefix gives way to an equal one that is written out (§3).
fn beats(one: &Candidate, other: &Candidate, address: IpAddr, inquiry: &mut Inquiry<'_>) -> bool {
    match (&one.reach, &other.reach) {
        (Reach::Prefix(a), Reach::Prefix(b)) => {
            (a.prefix_len(), one.rank) > (b.prefix_len(), other.rank)
        }
        (Reach::Tag(tag), Reach::Prefix(prefix)) => {
            let wins_ties = one.rank > other.rank;
            tag_is_longer(tag, prefix.prefix_len(), wins_ties, address, inquiry)
        }
        (Reach::Prefix(prefix), Reach::Tag(tag)) => {
            let wins_ties = other.rank > one.rank;
            !tag_is_longer(tag, prefix.prefix_len(), wins_ties, address, inquiry)
        }
        (Reach::Tag(a), Reach::Tag(b)) => match compare_tags(a, b, address, inquiry) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => (one.rank, tag_rank(a)) > (other.rank, tag_rank(b)),
        },
    }
}

/// Whether the prefix of `tag` that holds `address` is longer than `bits`, or as long.
fn tag_is_longer(
    tag: &str,
    bits: u8,
    or_equal: bool,
    address: IpAddr,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    let least = if or_equal { bits.saturating_sub(1) } else { bits };
    // No tag holds every address, so each of its prefixes is longer than /0; none is longer than
    // an address.
    least == 0
        || least < IpNet::from(address).prefix_len()
            && inquiry.ask(&Atom::TagPrefixLonger { tag: tag.to_owned(), address, bits: least })
}

/// Which of two tags holds `address` in the longer prefix.
fn compare_tags(a: &str, b: &str, address: IpAddr, inquiry: &mut Inquiry<'_>) -> Ordering {
    let longest = IpNet::from(address).prefix_len();
    for bits in (1..longest).rev() {
        let longer = [a, b].map(|tag| tag_is_longer(tag, bits, false, address, inquiry));
        match longer {
            [true, false] => return Ordering::Greater,
            [false, true] => return Ordering::Less,
            [true, true] => return Ordering::Equal,
            [false, false] => {}
        }
    }
    Ordering::Equal
}

/// Which tag wins with equal prefixes (`azure-routing.md §3`): regional, then global, then
/// `AzureCloud` of a region, then `AzureCloud`.
pub(crate) fn tag_rank(tag: &str) -> u8 {
    match (tag.split_once('.'), tag) {
        (None, "azurecloud") => 0,
        (Some(("azurecloud", _)), _) => 1,
        (None, _) => 2,
        (Some(_), _) => 3,
    }
}
