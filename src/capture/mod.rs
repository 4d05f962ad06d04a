//! Captures and flow logs: bytes of a file in, flows and DNS answers out.
//!
//! In: the bytes of a file, pcap, pcapng or a log that `log` reads, fed to a [`Reader`] as they come. Out: a [`CapturedFlow`] for each flow
//! when it ends and a `DnsAnswer` for each DNS response, given to a [`Sink`], and a [`Summary`] at
//! the end. [`read`] does the same with an input, on several threads where they are given. A capture
//! is never held whole: what is kept of each stream reaches only to the next name, within limits
//! that [`Limit`] lists, and a capture that runs into one says so.
//!
//! It reads Ethernet with VLAN tags, Linux cooked, loopback and raw IP; IPv4 and IPv6 with their
//! extension headers and fragments; names in TLS, HTTP, TDS and the first packets of QUIC; DNS over
//! UDP and TCP. What lies in a tunnel is a flow of its own, at a depth; the tunnel is another, and is
//! what a firewall on the way sees. HTTP/2 in the clear is read on the ports of HTTP.
//!
//! What was captured more than once, on several interfaces of a host or on both sides of its source
//! NAT, counts once: a flow has the source that a firewall behind the host sees.
//!
//! It knows of no rule, judges nothing and guesses no name: a hello that was not captured leaves the
//! kind of the payload known and no name.

mod reader;
mod threaded;
mod together;

mod file;
mod framing;
mod pcap;
mod pcapng;
mod wrapper;
mod zstd;

mod copies;
mod fragments;
mod link;
mod moment;
mod wire;

mod log;

mod conversation;
mod datagrams;
mod dialogue;
mod dissect;
mod ear;
mod exchange;
mod names;
mod speaker;
mod story;
mod stream;
mod table;
mod tracker;

mod captured;
mod error;

#[cfg(test)]
mod tests;

pub use captured::Application;
pub use captured::CapturedFlow;
pub use captured::NameOrigin;
pub use captured::Note;
pub use captured::Opening;
pub use captured::SeenName;
pub use captured::Sink;
pub use error::CaptureError;
pub use error::Damage;
pub use error::Limit;
pub use error::LostResponses;
pub use error::StepsBack;
pub use error::Summary;
pub use error::Truncation;
pub use error::UnreadBlocks;
pub use error::Unreadable;
pub use file::kind_of_file;
pub use link::LinkType;
pub use log::LogFormat;
pub use reader::Reader;
pub use threaded::ReadError;
pub use threaded::read;
pub use together::FileError;
pub use together::MOST_TOGETHER;
pub use together::read_together;
