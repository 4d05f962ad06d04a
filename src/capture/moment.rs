//! Times of packets, as cheap to compare as numbers: a reader compares several for each packet.

use jiff::Timestamp;

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;
/// The same, of numbers without a sign.
const NANOSECONDS: u64 = 1_000_000_000;

/// A time since 1970, as far as a file can tell one.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Moment {
    seconds: i64,
    nanoseconds: u32,
}

impl Moment {
    /// The start of 1970.
    pub(super) const EPOCH: Moment = Moment { seconds: 0, nanoseconds: 0 };

    /// So many seconds and nanoseconds, which may be more than a second, after 1970.
    #[inline]
    pub(super) fn new(seconds: u64, nanoseconds: u64) -> Moment {
        let seconds = seconds.saturating_add(nanoseconds / NANOSECONDS);
        Moment {
            seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
            nanoseconds: u32::try_from(nanoseconds % NANOSECONDS).unwrap_or(0),
        }
    }

    /// So many nanoseconds after 1970, or before it.
    pub(super) fn of_nanoseconds(nanoseconds: i128) -> Moment {
        let second = i128::from(SECOND);
        let seconds = nanoseconds.div_euclid(second);
        let most = if seconds < 0 { i64::MIN } else { i64::MAX };
        Moment {
            seconds: i64::try_from(seconds).unwrap_or(most),
            nanoseconds: u32::try_from(nanoseconds.rem_euclid(second)).unwrap_or(0),
        }
    }

    /// The time, or the nearest one that can be told of: a damaged clock must not stop the reading.
    pub(super) fn timestamp(self) -> Timestamp {
        let Moment { seconds, nanoseconds } = self;
        let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
        Timestamp::new(seconds, nanoseconds).unwrap_or(nearest)
    }

    /// Nanoseconds from `earlier` to this, or as many as can be told of.
    #[inline]
    pub(super) fn since(self, earlier: Moment) -> i64 {
        let seconds = self.seconds.saturating_sub(earlier.seconds).saturating_mul(SECOND);
        seconds.saturating_add(self.nanoseconds.into()).saturating_sub(earlier.nanoseconds.into())
    }

    /// So many whole seconds later.
    #[inline]
    pub(super) fn after(self, seconds: i64) -> Moment {
        Moment { seconds: self.seconds.saturating_add(seconds), ..self }
    }
}

/// The time so many nanoseconds after 1970, or the nearest one that can be told of.
pub(super) fn timestamp(nanoseconds: i128) -> Timestamp {
    Moment::of_nanoseconds(nanoseconds).timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_they_are_and_damaged_ones_as_near_as_can_be() {
        let told = |nanoseconds| Moment::of_nanoseconds(nanoseconds).timestamp().as_nanosecond();
        for nanoseconds in [0, 1, -1, 1_767_225_600_123_456_789, -999_999_999, -1_000_000_000] {
            assert_eq!(told(nanoseconds), nanoseconds);
        }
        assert_eq!(told(i128::MAX), Timestamp::MAX.as_nanosecond());
        assert_eq!(told(i128::MIN), Timestamp::MIN.as_nanosecond());
        assert_eq!(Moment::new(u64::MAX, u64::MAX).timestamp(), Timestamp::MAX);
        assert_eq!(Moment::new(1, 2_000_000_003), Moment::of_nanoseconds(3_000_000_003));
    }

    #[test]
    fn differences_are_exact_where_they_fit() {
        let at = Moment::of_nanoseconds;
        assert_eq!(at(3_000_000_001).since(at(1_999_999_999)), 1_000_000_002);
        assert_eq!(at(-1).since(at(1)), -2);
        assert_eq!(at(5).after(3600).since(at(5)), 3600 * SECOND);
        assert!(at(i128::MAX).since(at(i128::MIN)) > i64::MAX - SECOND);
        assert!(at(-1) < Moment::EPOCH && Moment::EPOCH < at(1));
    }
}
