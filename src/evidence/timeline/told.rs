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
use super::numbers::AddressNumber;
use super::numbers::NameNumber;
use crate::evidence::answer::RecordType;
use crate::evidence::answer::ResponseCode;

/// By the client or server, the name and the time: what was told, ascending. Several answers can
/// have been seen at one instant.
pub(super) type Histories = BTreeMap<When, Arc<[Told]>>;

/// Who was told, or told, of which name, and when.
pub(super) type When = (AddressNumber, NameNumber, Timestamp);

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

/// Adds what was told, and tells how many bytes it takes besides `told` itself; `None` where it is one
/// thing too many.
pub(super) fn add_told(histories: &mut Histories, key: When, told: &Arc<[Told]>) -> Option<usize> {
    match histories.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(Arc::clone(told));
            Some(NODES * size_of::<(When, Arc<[Told]>)>())
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
pub(super) fn newest_first(
    histories: &Histories,
    party: AddressNumber,
    name: NameNumber,
    at: Timestamp,
) -> impl Iterator<Item = (SignedDuration, Timestamp, &Told)> {
    let horizon = SignedDuration::from_secs(LONGEST_TTL.into()) + CLIENT_GRACE.max(FIREWALL_GRACE);
    histories
        .range((party, name, Timestamp::MIN)..=(party, name, at))
        .rev()
        .map(move |((_, _, seen), told)| (at.duration_since(*seen), *seen, told))
        .take_while(move |(age, _, _)| *age <= horizon)
        .flat_map(|(age, seen, told)| told.iter().rev().map(move |told| (age, seen, told)))
}
