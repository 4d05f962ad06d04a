//! One direction of a TCP connection, put in order.

/// Segments held back of one direction while one before them is missing.
const MOST_HELD_SEGMENTS: usize = 64;
/// Bytes held back of one direction: what most senders have under way at the start.
pub(super) const MOST_HELD_BYTES: usize = 128 * 1024;

/// Puts the segments of one direction in order, drops what was sent twice, and gives up on what the
/// capture lost.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The sequence number that comes next, once any is known.
    next: Option<u32>,
    /// Segments that came too early, ascending from `next` on.
    held: Vec<Segment>,
    held_bytes: usize,
    /// Whether the first byte was captured, or is still expected.
    from_start: bool,
}

#[derive(Debug)]
struct Segment {
    sequence: u32,
    bytes: Vec<u8>,
    /// Bytes behind these that the snapshot length cut off.
    cut: u32,
}

/// A stretch of a direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Piece<'a> {
    /// The bytes that come next.
    Bytes(&'a [u8]),
    /// Bytes that the capture does not hold.
    Lost(u32),
}

impl Stream {
    /// Bytes held back.
    pub(super) fn held(&self) -> usize {
        self.held_bytes
    }

    /// Whether the first byte of the direction is among those given out, or will be.
    pub(super) fn is_from_start(&self) -> bool {
        self.from_start
    }

    /// Notes that the first byte has this sequence number.
    pub(super) fn starts_at(&mut self, sequence: u32) {
        if self.next.is_none() {
            self.next = Some(sequence);
            self.from_start = true;
        }
    }

    /// Takes a segment and gives out what is in order. `cut` bytes behind it were not captured.
    pub(super) fn take(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        cut: u32,
        mut out: impl FnMut(Piece<'_>),
    ) {
        let next = *self.next.get_or_insert(sequence);
        if is_before(next, sequence) {
            self.hold(sequence, bytes, cut);
            while self.is_full() {
                self.skip_gap(&mut out);
            }
            return;
        }
        self.give(sequence, bytes, cut, &mut out);
        self.give_held(&mut out);
    }

    /// Gives out all that is held back: nothing that is missing will come any more.
    pub(super) fn flush(&mut self, mut out: impl FnMut(Piece<'_>)) {
        while !self.held.is_empty() {
            self.skip_gap(&mut out);
        }
    }

    /// Forgets what is held back.
    pub(super) fn drop_held(&mut self) {
        self.held = Vec::new();
        self.held_bytes = 0;
    }

    fn is_full(&self) -> bool {
        self.held.len() > MOST_HELD_SEGMENTS || self.held_bytes > MOST_HELD_BYTES
    }

    fn hold(&mut self, sequence: u32, bytes: &[u8], cut: u32) {
        let place = self.held.partition_point(|held| !is_before(sequence, held.sequence));
        self.held_bytes += bytes.len();
        self.held.insert(place, Segment { sequence, bytes: bytes.to_vec(), cut });
    }

    /// Gives out the part of a segment that was not given before.
    fn give(&mut self, sequence: u32, bytes: &[u8], cut: u32, out: &mut impl FnMut(Piece<'_>)) {
        let next = self.next.unwrap_or(sequence);
        let known = next.wrapping_sub(sequence);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if known < length {
            let fresh = usize::try_from(known).ok().and_then(|known| bytes.get(known..));
            out(Piece::Bytes(fresh.unwrap_or_default()));
        }
        let lost = length.saturating_add(cut).saturating_sub(known.max(length));
        if lost > 0 {
            out(Piece::Lost(lost));
        }
        let end = sequence.wrapping_add(length).wrapping_add(cut);
        if is_before(next, end) {
            self.next = Some(end);
        }
    }

    fn give_held(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        while let Some(first) = self.held.first() {
            if self.next.is_some_and(|next| is_before(next, first.sequence)) {
                return;
            }
            let segment = self.held.remove(0);
            self.held_bytes = self.held_bytes.saturating_sub(segment.bytes.len());
            self.give(segment.sequence, &segment.bytes, segment.cut, out);
        }
    }

    /// Gives up on what is missing before the first segment held back.
    fn skip_gap(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        if let (Some(first), Some(next)) = (self.held.first(), self.next) {
            out(Piece::Lost(first.sequence.wrapping_sub(next)));
            self.next = Some(first.sequence);
        }
        self.give_held(out);
    }
}

/// Whether sequence number `a` lies before `b`, in the arithmetic of RFC 9293 §3.4.
pub(super) fn is_before(a: u32, b: u32) -> bool {
    let distance = b.wrapping_sub(a);
    distance != 0 && distance < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes segments and writes down what comes out; lost bytes as dots.
    #[track_caller]
    fn check(segments: &[(u32, &str)], expected: &str) {
        let mut stream = Stream::default();
        stream.starts_at(u32::MAX - 1);
        let mut text = String::new();
        let mut out = |piece: Piece<'_>| match piece {
            Piece::Bytes(bytes) => text.push_str(std::str::from_utf8(bytes).unwrap()),
            Piece::Lost(bytes) => (0..bytes).for_each(|_| text.push('.')),
        };
        for (offset, bytes) in segments {
            let sequence = (u32::MAX - 1).wrapping_add(*offset);
            stream.take(sequence, bytes.as_bytes(), 0, &mut out);
        }
        stream.flush(&mut out);
        assert_eq!(text, expected);
        assert_eq!(stream.held(), 0);
    }

    #[test]
    fn segments_come_out_in_order_and_once() {
        check(&[(0, "ab"), (2, "cd"), (4, "ef")], "abcdef");
        check(&[(4, "ef"), (2, "cd"), (0, "ab")], "abcdef");
        check(&[(0, "ab"), (0, "ab"), (2, "cd")], "abcdef".get(..4).unwrap());
        check(&[(0, "abc"), (2, "cd"), (1, "bcdef")], "abcdef");
        check(&[(3, "d"), (2, "cdef"), (0, "ab")], "abcdef");
    }

    #[test]
    fn what_never_comes_is_lost() {
        check(&[(0, "ab"), (4, "ef")], "ab..ef");
        check(&[(2, "cd"), (6, "gh")], "..cd..gh");
    }

    #[test]
    fn a_direction_that_never_mends_is_not_held_for_ever() {
        let mut stream = Stream::default();
        stream.starts_at(0);
        let mut lost = 0;
        for index in 0..10_000_u32 {
            stream.take(1 + index * 2, b"x", 0, |piece| {
                lost += u64::from(matches!(piece, Piece::Lost(_)));
            });
            assert!(stream.held() <= MOST_HELD_SEGMENTS);
        }
        assert!(lost > 9_000);
    }
}
