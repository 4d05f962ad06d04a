//! Times for `serde`, as two numbers that fit in words: for flows that wait to be read again, where
//! one number of 128 bits takes longer to write than the rest.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de;

/// Writes seconds since 1970 and the nanoseconds beyond them, which have the same sign.
pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    (time.as_second(), time.subsec_nanosecond()).serialize(serializer)
}

/// Reads them.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    let (second, nanosecond) = Deserialize::deserialize(deserializer)?;
    Timestamp::new(second, nanosecond).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
    struct Timed(#[serde(with = "super")] Timestamp);

    #[test]
    fn a_time_is_read_back_as_it_was() {
        let near = Timestamp::from_nanosecond(-1).unwrap();
        let now = "2026-03-01T10:00:00.123456789Z".parse().unwrap();
        for time in [Timestamp::MIN, near, Timestamp::UNIX_EPOCH, now, Timestamp::MAX].map(Timed) {
            let written = postcard::to_extend(&time, Vec::new()).unwrap();
            assert_eq!(postcard::from_bytes::<Timed>(&written).unwrap(), time);
        }
        let beyond = postcard::to_extend(&(i64::MAX, 0), Vec::new()).unwrap();
        assert!(postcard::from_bytes::<Timed>(&beyond).is_err());
    }
}
