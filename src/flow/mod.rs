//! The vocabulary: what a flow is, what it can carry, and sets of addresses, ports and names.
//!
//! In: text, wire bytes already cut out by `capture`. Out: values that are valid by type. This
//! stage knows no other; every other stage may name it. It holds no rule of Azure's: what a
//! firewall does with these values is written in `simulate`.

pub mod address;
pub mod atom;
pub mod name;
pub mod notation;
pub mod numeric;
pub mod observation;
pub mod payload;
pub mod port;
pub mod protocol;
pub mod recorded;
pub mod set;
pub mod shown;

pub(crate) mod instant;
mod question;

pub use address::AddressSet;
pub use atom::Atom;
pub use name::Fqdn;
pub use name::FqdnPattern;
pub use name::Host;
pub use name::STAND_IN;
pub use numeric::Numeric;
pub use observation::Observation;
pub use observation::SeenPayload;
pub use payload::Payload;
pub use payload::PayloadKind;
pub use payload::Request;
pub use port::PortRange;
pub use port::PortSet;
pub use protocol::IpProtocol;
pub use question::Flow;
pub use recorded::Recorded;
pub use recorded::RecordedRule;
pub use recorded::RecordedVerdict;
pub use recorded::Recorder;
pub use set::NameSet;
pub use shown::NameOrigin;
pub use shown::SeenName;
