//! TCP (RFC 9293 §3.1).

use super::Malformed;

const LAYER: &str = "tcp";

/// The fields of a TCP header that tell flows and copies apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) struct TcpHeader<'a> {
    pub(in crate::capture) source: u16,
    pub(in crate::capture) destination: u16,
    pub(in crate::capture) sequence: u32,
    pub(in crate::capture) acknowledgment: u32,
    pub(in crate::capture) flags: Flags,
    pub(in crate::capture) window: u16,
    pub(in crate::capture) options: &'a [u8],
    length: usize,
}

/// What a segment is to its flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) struct Segment {
    pub(in crate::capture) sequence: u32,
    pub(in crate::capture) acknowledgment: u32,
    pub(in crate::capture) flags: Flags,
}

/// The control bits of a TCP header.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(in crate::capture) struct Flags(u8);

impl Flags {
    pub(in crate::capture) const FIN: Flags = Flags(0x01);
    pub(in crate::capture) const SYN: Flags = Flags(0x02);
    pub(in crate::capture) const RST: Flags = Flags(0x04);
    pub(in crate::capture) const ACK: Flags = Flags(0x10);

    #[inline]
    pub(in crate::capture) fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// Whether this opens a connection: SYN without ACK.
    #[inline]
    pub(in crate::capture) fn opens(self) -> bool {
        self.has(Flags::SYN) && !self.has(Flags::ACK)
    }

    /// Whether this answers an opening: SYN with ACK.
    #[inline]
    pub(in crate::capture) fn accepts(self) -> bool {
        self.has(Flags::SYN) && self.has(Flags::ACK)
    }
}

/// A header that is cut or contradicts itself, with what can be read of it all the same: whatever
/// it says besides, somebody sent it there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) struct Damaged<'a> {
    pub(in crate::capture) malformed: Malformed,
    pub(in crate::capture) ports: (u16, u16),
    /// The fields, where none is missing.
    pub(in crate::capture) header: Option<TcpHeader<'a>>,
}

impl<'a> TcpHeader<'a> {
    /// Takes a header off the front of `bytes`; the second half of the answer is the payload. `Err`
    /// holds nothing but the damage where not even the ports can be read.
    #[inline(always)]
    pub(in crate::capture) fn parse(
        bytes: &'a [u8],
    ) -> Result<(TcpHeader<'a>, &'a [u8]), Result<Damaged<'a>, Malformed>> {
        let Some((fixed, rest)) = bytes.split_first_chunk::<20>() else {
            let malformed = Malformed::truncated(LAYER, 20, bytes);
            let Some([s0, s1, d0, d1]) = bytes.first_chunk::<4>() else {
                return Err(Err(malformed));
            };
            let ports = (u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1]));
            return Err(Ok(Damaged { malformed, ports, header: None }));
        };
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = *fixed;
        let mut header = TcpHeader {
            source: u16::from_be_bytes([s0, s1]),
            destination: u16::from_be_bytes([d0, d1]),
            sequence: u32::from_be_bytes([q0, q1, q2, q3]),
            acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
            flags: Flags(flags),
            window: u16::from_be_bytes([w0, w1]),
            options: &[],
            length: usize::from(offset >> 4) * 4,
        };
        // The data offset counts 32-bit words and cannot be less than the fixed part.
        let length = header.length;
        let Some(options) = length.checked_sub(20) else {
            let malformed = Malformed::HeaderLength { layer: LAYER, length };
            let ports = (header.source, header.destination);
            return Err(Ok(Damaged { malformed, ports, header: Some(header) }));
        };
        // Options that the capture cut leave no payload, but the flow is known.
        let (options, payload) = rest.split_at_checked(options).unwrap_or((rest, &[]));
        header.options = options;
        Ok((header, payload))
    }

    /// What of it the flow is followed by.
    #[inline]
    pub(in crate::capture) fn segment(&self) -> Segment {
        let TcpHeader { sequence, acknowledgment, flags, .. } = *self;
        Segment { sequence, acknowledgment, flags }
    }

    /// Length of the header on the wire, whatever the capture cut of it.
    #[inline]
    pub(in crate::capture) fn length(&self) -> usize {
        self.length
    }
}
