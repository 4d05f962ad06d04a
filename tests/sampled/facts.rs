//! What is drawn to hold of what nobody knows.

use exeat::flow::Atom;
use exeat::flow::Host;

use super::assignments::Assignment;
use super::assignments::implied;
use super::draw::Draw;

/// How often facts hold, in hundredths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Likely {
    /// Threat intelligence lists an address.
    pub(crate) address_listed: usize,
    /// It lists a name.
    pub(crate) name_listed: usize,
    /// The infrastructure rules hold a name.
    pub(crate) infrastructure: usize,
    /// The firewall can resolve a name.
    pub(crate) resolvable: usize,
    /// A tag, a category, an answer or an unknown list holds something.
    pub(crate) told: usize,
    /// The other reading of a setting is the true one.
    pub(crate) reading: usize,
}

/// What is usual, so that flows get past the first questions.
pub(crate) const USUAL: Likely = Likely {
    address_listed: 2,
    name_listed: 3,
    infrastructure: 5,
    resolvable: 94,
    told: 4,
    reading: 15,
};

/// An environment, as far as it was asked for.
pub(crate) struct Facts {
    seed: u64,
    likely: Likely,
    /// What was asked for so far, and what was given.
    pub(crate) held: Assignment,
}

impl Facts {
    /// The environment that `seed` makes, but for what is `given`; nothing where the axioms exclude
    /// that.
    pub(crate) fn new(seed: u64, likely: Likely, given: &Assignment) -> Option<Facts> {
        let mut held = Assignment::new();
        for (atom, holds) in given {
            if implied(&held, atom) == Some(!holds) {
                return None;
            }
            held.insert(atom.clone(), *holds);
        }
        Some(Facts { seed, likely, held })
    }

    /// Whether `atom` holds. It is drawn for itself, so that two environments of one seed differ
    /// only in what was given and what follows from that.
    pub(crate) fn holds(&mut self, atom: &Atom) -> bool {
        if let Some(holds) = self.held.get(atom) {
            return *holds;
        }
        let drawn = || Draw::new(self.seed ^ fingerprint(atom)).chance(self.likely.of(atom));
        let holds = implied(&self.held, atom).unwrap_or_else(drawn);
        self.held.insert(atom.clone(), holds);
        holds
    }
}

impl Likely {
    fn of(self, atom: &Atom) -> usize {
        match atom {
            Atom::ThreatListed { indicator: Host::Address(_) } => self.address_listed,
            Atom::ThreatListed { indicator: Host::Name(_) } => self.name_listed,
            Atom::Infrastructure { .. } => self.infrastructure,
            Atom::Resolvable { .. } => self.resolvable,
            Atom::Reading { .. } => self.reading,
            Atom::InServiceTag { .. }
            | Atom::FirewallAnswer { .. }
            | Atom::InFqdnTag { .. }
            | Atom::InWebCategory { .. }
            | Atom::ApplicationDestination { .. } => self.told,
            Atom::TagPrefixLonger { .. }
            | Atom::PrecededBy { .. }
            | Atom::Named { .. }
            | Atom::Request { .. }
            | Atom::ClientAnswer { .. } => 30,
        }
    }
}

/// A number for the atom (FNV-1a), the same on every machine.
fn fingerprint(atom: &Atom) -> u64 {
    let text = atom.to_string();
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
