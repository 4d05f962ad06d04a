//! What was told, by whom it was told to or who told it, and by time.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::CLIENT_GRACE;
use super::FIREWALL_GRACE;
use super::LONGEST_TTL;
use super::MOST_AT_ONCE;
use super::NODES;
use super::NameRole;
use super::PIECE;
use crate::evidence::answer::RecordType;
use crate::evidence::answer::ResponseCode;
use crate::flow::Fqdn;

/// By the client or server, the name and the time: what was told, ascending. Several answers can
/// have been seen at one instant.
pub(super) type Histories = BTreeMap<(IpAddr, Fqdn, Timestamp), Arc<[Told]>>;

/// What an answer told about one name on its way.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Told {
    pub(super) role: NameRole,
    pub(super) asked: RecordType,
    pub(super) code: ResponseCode,
    /// In seconds, at most [`LONGEST_TTL`].
    pub(super) ttl: u32,
    // Invariant: ascending.
    pub(super) addresses: Arc<[IpAddr]>,
    pub(super) server: IpAddr,
    /// Whether records of it are not known.
    pub(super) is_cut: bool,
}

/// Adds what was told, and tells how many bytes it takes; `None` where it is one thing too many.
pub(super) fn add_told(
    histories: &mut Histories,
    key: (IpAddr, Fqdn, Timestamp),
    told: &Arc<[Told]>,
) -> Option<usize> {
    match histories.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(Arc::clone(told));
            let of_entry = NODES * size_of::<((IpAddr, Fqdn, Timestamp), Arc<[Told]>)>();
            Some(of_entry + PIECE + size_of_val(&**told))
        }
        Entry::Occupied(mut entry) => {
            let all: BTreeSet<&Told> = entry.get().iter().chain(told.iter()).collect();
            let more = all.len() - entry.get().len();
            if all.len() > MOST_AT_ONCE {
                return None;
            }
            if more > 0 {
                let all: Arc<[Told]> = all.into_iter().cloned().collect();
                entry.insert(all);
            }
            Some(more * size_of::<Told>())
        }
    }
}

impl Told {
    pub(super) fn lasts(&self) -> SignedDuration {
        SignedDuration::from_secs(self.ttl.into())
    }

    /// Whether this answer says which addresses of the type `of` there are.
    pub(super) fn settles(&self, of: RecordType) -> bool {
        self.code == ResponseCode::NAME_ERROR
            || self.code == ResponseCode::NO_ERROR && self.asked == of && !self.is_cut
    }
}

/// The server, where the record of an answer says which it was; one that does not has `0.0.0.0`.
pub(super) fn known(server: IpAddr) -> Option<IpAddr> {
    Some(server).filter(|server| !server.is_unspecified())
}

/// What `party` was told, or told, about `name` up to `at` and can still matter: newest first, with
/// its age.
pub(super) fn newest_first<'t>(
    histories: &'t Histories,
    party: IpAddr,
    name: &Fqdn,
    at: Timestamp,
) -> impl Iterator<Item = (SignedDuration, Timestamp, &'t Told)> + use<'t> {
    let horizon = SignedDuration::from_secs(LONGEST_TTL.into()) + CLIENT_GRACE.max(FIREWALL_GRACE);
    let first = (party, name.clone(), Timestamp::MIN);
    let last = (party, name.clone(), at);
    histories
        .range(first..=last)
        .rev()
        .map(move |((_, _, seen), told)| (at.duration_since(*seen), *seen, told))
        .take_while(move |(age, _, _)| *age <= horizon)
        .flat_map(|(age, seen, told)| told.iter().rev().map(move |told| (age, seen, told)))
}
