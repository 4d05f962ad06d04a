//! Laws: what is written in a format is read back as what that format can carry, however it is cut
//! into pieces.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::read;
use super::written::Begins;
use super::written::Carried;
use super::written::FORMATS;
use super::written::Spec;

fn begins() -> impl Strategy<Value = Begins> {
    let name = "[a-z][a-z0-9-]{0,6}[a-z](\\.[a-z]{2,8}){1,3}";
    prop_oneof![
        Just(Begins::Unseen),
        Just(Begins::Silent),
        name.prop_map(Begins::Tls),
        (name, "/[a-zA-Z0-9/?=&%.]{0,12}[a-z]").prop_map(|(name, path)| Begins::Http(name, path)),
        name.prop_map(Begins::Quic),
    ]
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let counts = || (1..1_000_u64, 40..1_000_000_u64);
    let one = (
        (1..255_u8, any::<u32>(), 1..1024_u16),
        (0..50_000_i64, 0..50_000_i64),
        (counts(), counts()),
        any::<bool>(),
        begins(),
    );
    prop::collection::vec(one, 1..20).prop_map(|all| {
        let specs = all.into_iter().zip(40_000_u16..);
        specs
            .map(|((ends, times, counts, is_denied, begins), source_port)| Spec {
                source_port,
                source: Ipv4Addr::new(10, 42, 1, ends.0),
                destination: Ipv4Addr::from_bits(ends.1),
                destination_port: ends.2,
                first: 1_767_225_600_000 + times.0,
                lasts: times.1,
                sent: counts.0,
                received: counts.1,
                is_denied,
                begins,
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back_as_far_as_the_format_carries_it(
        specs in specs(),
        size in 1..400_usize,
    ) {
        for format in &FORMATS {
            let text = (format.write)(&specs);
            let (taken, summary) = read(text.as_bytes(), size);
            let summary = summary.map_err(|error| {
                TestCaseError::fail(format!("{}: {error} in\n{text}", format.name))
            })?;
            prop_assert_eq!(summary.unreadable.records, 0, "{}:\n{}", format.name, text);
            let mut found: Vec<Carried> = taken.flows.iter().map(Carried::of).collect();
            found.sort_by_key(Carried::source_port);
            let expected: Vec<Carried> = specs.iter().map(format.carries).collect();
            prop_assert_eq!(found, expected, "{}:\n{}", format.name, text);
        }
    }

    /// Whatever becomes of a log, pieces make no difference and nothing panics.
    #[test]
    fn damage_reads_the_same_in_pieces_of_any_size(
        specs in specs(),
        cut in any::<prop::sample::Index>(),
        put in any::<Vec<u8>>(),
        size in 1..400_usize,
    ) {
        for format in &FORMATS {
            let mut bytes = (format.write)(&specs).into_bytes();
            let at = cut.index(bytes.len());
            bytes.splice(at..(at + put.len()).min(bytes.len()), put.iter().copied());
            prop_assert_eq!(read(&bytes, size), read(&bytes, usize::MAX), "{}", format.name);
        }
    }
}
