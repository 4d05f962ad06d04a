//! QUIC's first packets: their versions, their headers, and the protection of an Initial.
//!
//! In: the bytes of a UDP datagram, or what a packet is to carry. Out: the packets in the datagram,
//! and what an Initial protects. The keys of an Initial follow from what stands in its header
//! (RFC 9001 §5.2), so that whoever is on the way can read it; later packets nobody else can.
//!
//! It reads no frame and knows no flow.

mod header;
mod protection;
mod varint;
mod version;

pub use header::LongHeader;
pub use header::PacketType;
pub use protection::InitialKeys;
pub use varint::read as read_varint;
pub use varint::write as write_varint;
pub use version::Family;
pub use version::Suite;
pub use version::Version;
