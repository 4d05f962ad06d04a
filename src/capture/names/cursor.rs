//! Reading from bytes that a stranger wrote.

/// What is left to read of a message; no method can panic or read beyond its end.
#[derive(Clone, Copy, Debug)]
pub(in crate::capture) struct Cursor<'a>(pub(in crate::capture) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(in crate::capture) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::capture) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(in crate::capture) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(in crate::capture) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(in crate::capture) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A length of three bytes, as in TLS handshake messages and HTTP/2 frames.
    pub(in crate::capture) fn u24(&mut self) -> Option<usize> {
        let [high, middle, low] = self.array()?;
        usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()
    }

    pub(in crate::capture) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A vector with a length of one byte before it (RFC 8446 §3.4).
    pub(in crate::capture) fn vector8(&mut self) -> Option<Cursor<'a>> {
        let length = self.u8()?;
        self.take(length.into()).map(Cursor)
    }

    /// A vector with a length of two bytes before it.
    pub(in crate::capture) fn vector16(&mut self) -> Option<Cursor<'a>> {
        let length = self.u16()?;
        self.take(length.into()).map(Cursor)
    }
}
