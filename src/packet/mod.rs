//! Flows as packets: a capture in which other programs, and `capture`, read the same flows.
//!
//! In: flows, the DNS answers that come before each, a comment on it, and a time. Out: the bytes of
//! a pcapng file of raw IP, and which flows cannot be shown in packets. The same input gives the
//! same bytes.
//!
//! What a flow says before its first answer is all that is written: lookups, the handshake, the
//! client's first bytes. Nothing here is random, although protocols ask for it: nobody goes on with
//! these sessions. It judges nothing, and knows no other stages than `flow` and `quic`.

mod recording;

mod opening;

mod dns;
mod http;
mod quic;
mod tds;
mod tls;

mod ip;
mod pcapng;

mod bytes;

pub use opening::Unwritable;
pub use recording::EphemeralPorts;
pub use recording::Exchange;
pub use recording::Lookup;
pub use recording::Recording;
pub use recording::record;
