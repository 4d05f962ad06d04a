//! One direction of a TCP connection, put in order.

use super::story::Mark;

/// Segments held back of one direction while one before them is missing.
const MOST_HELD_SEGMENTS: usize = 64;
/// Bytes held back of one direction: what most senders have under way at the start.
pub(super) const MOST_HELD_BYTES: usize = 128 * 1024;

/// Bytes remembered of those given out, as long as the other end has not acknowledged them: hellos
/// with keys of every kind have some 4 KiB.
const MOST_REMEMBERED_BYTES: usize = 16 * 1024;

/// Puts the segments of one direction in order, drops what was sent twice, and gives up on what the
/// capture lost. Of what was sent twice, the first counts.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The sequence number that comes next, once any is known.
    next: Option<u32>,
    /// Segments that came too early, ascending from `next` on.
    held: Vec<Segment>,
    held_bytes: usize,
    /// The last bytes given out, up to `next`, that another segment may still contradict.
    given: Vec<u8>,
    /// Whether the first byte was captured, or is still expected.
    from_start: bool,
    /// Where it was begun with, if not with the first byte, as long as numbers before that can be told
    /// from those far behind.
    begins_at: Option<u32>,
}

#[derive(Debug)]
struct Segment {
    sequence: u32,
    bytes: Vec<u8>,
    /// Bytes behind these that the snapshot length cut off.
    cut: u32,
    /// The packet that it came in.
    mark: Mark,
}

/// A stretch of a direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Piece<'a> {
    /// The bytes that come next.
    Bytes(&'a [u8]),
    /// Bytes that the capture does not hold.
    Lost(u32),
    /// Bytes at the end of a segment that the snapshot length cut off.
    Cut(u32),
}

impl Stream {
    /// Bytes held back.
    #[inline]
    pub(super) fn held(&self) -> usize {
        self.held_bytes + self.given.len()
    }

    /// Notes that the other end has taken everything before `sequence`: what is sent again of that
    /// is of no effect.
    #[inline]
    pub(super) fn acknowledged(&mut self, sequence: u32) {
        if self.next.is_some_and(|next| !is_before(sequence, next)) {
            self.given = Vec::new();
        }
    }

    /// Whether a segment says something else than one before it of the same bytes.
    #[inline]
    pub(super) fn contradicts(&self, sequence: u32, bytes: &[u8]) -> bool {
        if self.held.is_empty() && (self.given.is_empty() || self.next == Some(sequence)) {
            // All that is remembered lies before it.
            return false;
        }
        let remembered = u32::try_from(self.given.len()).unwrap_or(u32::MAX);
        let given = self.next.map(|next| (next.wrapping_sub(remembered), self.given.as_slice()));
        let held = self.held.iter().map(|segment| (segment.sequence, segment.bytes.as_slice()));
        given.into_iter().chain(held).any(|(start, other)| {
            let (ours, theirs) = if is_before(start, sequence) {
                (Some(bytes), other.get(distance(start, sequence)..))
            } else {
                (bytes.get(distance(sequence, start)..), Some(other))
            };
            let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
            let common = ours.len().min(theirs.len());
            ours.get(..common) != theirs.get(..common)
        })
    }

    /// Whether the first byte of the direction is among those given out, or will be.
    #[inline]
    pub(super) fn is_from_start(&self) -> bool {
        self.from_start
    }

    /// The number of the first byte that was taken, where that is not the first of the direction, as long
    /// as numbers before it can be told from those far behind.
    #[inline]
    pub(super) fn begins_at(&self) -> Option<u32> {
        self.begins_at
    }

    /// Notes that the first byte has this sequence number.
    pub(super) fn starts_at(&mut self, sequence: u32) {
        if self.next.is_none() {
            self.next = Some(sequence);
            self.from_start = true;
        }
    }

    /// Notes that the first byte has this sequence number, as the SYN of the direction says; nothing was
    /// taken of it yet. An acknowledgment that the file has before the SYN says less: it may be of bytes
    /// that the SYN carries (RFC 7413 §2), or of nothing.
    pub(super) fn starts_with(&mut self, sequence: u32) {
        self.next = Some(sequence);
        self.from_start = true;
    }

    /// Takes a segment, which came in the packet at `mark`, and gives out what is in order, each piece with
    /// the packet in which it could be read. `cut` bytes behind the segment were not captured.
    pub(super) fn take(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        cut: u32,
        mark: Mark,
        mut out: impl FnMut(Piece<'_>, Mark),
    ) {
        if self.next.is_none() {
            self.begins_at = Some(sequence);
        }
        let next = *self.next.get_or_insert(sequence);
        if self.begins_at.is_some_and(|first| next.wrapping_sub(first) > 1 << 30) {
            self.begins_at = None;
        }
        // What is held came before this segment, so that it counts where both have the same bytes.
        if is_before(next, sequence) || !self.held.is_empty() {
            self.hold(sequence, bytes, cut, mark);
            // What waited is read when what was before it has come.
            self.give_held(&mut |piece, _| out(piece, mark));
            while self.is_full() {
                self.skip_gap(&mut out);
            }
            return;
        }
        self.give(sequence, bytes, cut, mark, &mut out);
    }

    /// Gives out all that is held back, each piece with the packet that it came in: nothing that is
    /// missing will come any more, so that the capture has lost it.
    pub(super) fn flush(&mut self, mut out: impl FnMut(Piece<'_>, Mark)) {
        while !self.held.is_empty() {
            self.skip_gap(&mut out);
        }
    }

    /// How many bytes before number `end` are missing behind all that was given out.
    pub(super) fn lacks(&self, end: u32) -> u32 {
        match self.next {
            Some(next) if is_before(next, end) => end.wrapping_sub(next),
            Some(_) | None => 0,
        }
    }

    /// Forgets what is held back.
    pub(super) fn drop_held(&mut self) {
        self.held = Vec::new();
        self.held_bytes = 0;
    }

    /// Forgets what was given out.
    pub(super) fn drop_given(&mut self) {
        self.given = Vec::new();
    }

    /// Forgets what is held back and what was given out.
    pub(super) fn drop_all(&mut self) {
        self.drop_held();
        self.given = Vec::new();
    }

    fn is_full(&self) -> bool {
        self.held.len() > MOST_HELD_SEGMENTS || self.held_bytes > MOST_HELD_BYTES
    }

    /// Holds the parts of a segment back that are not held already.
    fn hold(&mut self, sequence: u32, bytes: &[u8], cut: u32, mark: Mark) {
        let (mut sequence, mut rest) = (sequence, bytes);
        let mut fresh = Vec::new();
        for held in &self.held {
            let length = u32::try_from(held.bytes.len()).unwrap_or(u32::MAX);
            let end = held.sequence.wrapping_add(length);
            if !is_before(sequence, end) {
                continue;
            }
            if is_before(sequence, held.sequence) {
                let Some((before, _)) = rest.split_at_checked(distance(sequence, held.sequence))
                else {
                    break;
                };
                fresh.push(Segment { sequence, bytes: before.to_vec(), cut: 0, mark });
            }
            rest = rest.get(distance(sequence, end)..).unwrap_or_default();
            sequence = end;
            if rest.is_empty() {
                break;
            }
        }
        if !rest.is_empty() || cut > 0 {
            fresh.push(Segment { sequence, bytes: rest.to_vec(), cut, mark });
        }
        for segment in fresh {
            let place =
                self.held.partition_point(|held| !is_before(segment.sequence, held.sequence));
            self.held_bytes += segment.bytes.len();
            self.held.insert(place, segment);
        }
    }

    /// Gives out the part of a segment that was not given before.
    fn give(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        cut: u32,
        mark: Mark,
        out: &mut impl FnMut(Piece<'_>, Mark),
    ) {
        let next = self.next.unwrap_or(sequence);
        let known = next.wrapping_sub(sequence);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if known < length {
            let fresh = usize::try_from(known).ok().and_then(|known| bytes.get(known..));
            let fresh = fresh.unwrap_or_default();
            self.remember(fresh);
            out(Piece::Bytes(fresh), mark);
        }
        let lost = length.saturating_add(cut).saturating_sub(known.max(length));
        if lost > 0 {
            self.given.clear();
            out(Piece::Cut(lost), mark);
        }
        let end = sequence.wrapping_add(length).wrapping_add(cut);
        if is_before(next, end) {
            self.next = Some(end);
        }
    }

    fn remember(&mut self, bytes: &[u8]) {
        let room = MOST_REMEMBERED_BYTES.saturating_sub(bytes.len());
        let surplus = self.given.len().saturating_sub(room);
        self.given.drain(..surplus.min(self.given.len()));
        let last = bytes.len().saturating_sub(MOST_REMEMBERED_BYTES);
        self.given.extend_from_slice(bytes.get(last..).unwrap_or_default());
    }

    fn give_held(&mut self, out: &mut impl FnMut(Piece<'_>, Mark)) {
        while let Some(first) = self.held.first() {
            if self.next.is_some_and(|next| is_before(next, first.sequence)) {
                return;
            }
            let segment = self.held.remove(0);
            self.held_bytes = self.held_bytes.saturating_sub(segment.bytes.len());
            let Segment { sequence, bytes, cut, mark } = segment;
            self.give(sequence, &bytes, cut, mark, out);
        }
    }

    /// Gives up on what is missing before the first segment held back.
    fn skip_gap(&mut self, out: &mut impl FnMut(Piece<'_>, Mark)) {
        if let (Some(first), Some(next)) = (self.held.first(), self.next) {
            self.given.clear();
            out(Piece::Lost(first.sequence.wrapping_sub(next)), first.mark);
            self.next = Some(first.sequence);
        }
        self.give_held(out);
    }
}

/// How far `to` lies behind `from`.
#[inline]
fn distance(from: u32, to: u32) -> usize {
    usize::try_from(to.wrapping_sub(from)).unwrap_or(usize::MAX)
}

/// Whether sequence number `a` lies before `b`, in the arithmetic of RFC 9293 §3.4.
#[inline]
pub(super) fn is_before(a: u32, b: u32) -> bool {
    let distance = b.wrapping_sub(a);
    distance != 0 && distance < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::moment::Moment;

    const MARK: Mark = Mark { packet: 1, frame: 1, at: Moment::EPOCH };

    /// Takes segments and writes down what comes out; lost bytes as dots.
    #[track_caller]
    fn check(segments: &[(u32, &str)], expected: &str) {
        let mut stream = Stream::default();
        stream.starts_at(u32::MAX - 1);
        let mut text = String::new();
        let mut out = |piece: Piece<'_>| match piece {
            Piece::Bytes(bytes) => text.push_str(std::str::from_utf8(bytes).unwrap()),
            Piece::Lost(bytes) | Piece::Cut(bytes) => (0..bytes).for_each(|_| text.push('.')),
        };
        for (offset, bytes) in segments {
            let sequence = (u32::MAX - 1).wrapping_add(*offset);
            stream.take(sequence, bytes.as_bytes(), 0, MARK, |piece, _| out(piece));
        }
        stream.flush(|piece, _| out(piece));
        assert_eq!(text, expected);
        assert_eq!(stream.held_bytes, 0);
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
    fn of_what_was_sent_twice_the_first_counts() {
        check(&[(2, "cd"), (0, "abXYef")], "abcdef");
        check(&[(4, "ef"), (2, "cdXX"), (0, "ab")], "abcdef");
        check(&[(4, "ef"), (2, "cdXXgh"), (0, "ab")], "abcdefgh");
        check(&[(4, "e"), (8, "i"), (2, "cdXfghXjk"), (0, "ab")], "abcdefghijk");
    }

    #[test]
    fn contradictions_are_found_until_they_are_of_no_effect() {
        let mut stream = Stream::default();
        stream.starts_at(10);
        stream.take(10, b"abcd", 0, MARK, |_, _| {});
        stream.take(16, b"gh", 0, MARK, |_, _| {});
        for (sequence, bytes) in [(10, "abcd"), (12, "cd"), (13, "dXX"), (14, "efgh"), (30, "X")] {
            assert!(!stream.contradicts(sequence, bytes.as_bytes()), "{sequence} {bytes}");
        }
        for (sequence, bytes) in [(10, "Xbcd"), (12, "cX"), (13, "Xef"), (14, "efXh"), (17, "X")] {
            assert!(stream.contradicts(sequence, bytes.as_bytes()), "{sequence} {bytes}");
        }
        stream.acknowledged(13);
        assert!(stream.contradicts(10, b"Xbcd"));
        stream.acknowledged(14);
        assert!(!stream.contradicts(10, b"Xbcd") && stream.given.is_empty());
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
            stream.take(1 + index * 2, b"x", 0, MARK, |piece, _| {
                lost += u64::from(matches!(piece, Piece::Lost(_)));
            });
            assert!(stream.held_bytes <= MOST_HELD_SEGMENTS);
        }
        assert!(lost > 9_000);
    }
}
