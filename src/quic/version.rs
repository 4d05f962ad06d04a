//! Versions, and what the protection of their Initials is derived from.

/// The version field of a long header; any value can occur.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(pub u32);

/// What a version is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// No version: a version negotiation packet (RFC 9000 §17.2.1).
    Negotiation,
    /// Version 1, version 2, and those reserved to force negotiation.
    Standard,
    /// The drafts of version 1 and 2, and Facebook's variants of them.
    Draft,
    /// Google's own, `Q043` and the like.
    Google,
    /// None that is known.
    Unknown,
}

/// What the keys of an Initial are derived from, beside its connection id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Suite {
    pub(super) salt: [u8; 20],
    pub(super) key: &'static str,
    pub(super) iv: &'static str,
    pub(super) header: &'static str,
}

impl Suite {
    const fn of(salt: [u8; 20]) -> Suite {
        Suite { salt, key: "quic key", iv: "quic iv", header: "quic hp" }
    }

    const fn of_v2(salt: [u8; 20]) -> Suite {
        Suite { salt, key: "quicv2 key", iv: "quicv2 iv", header: "quicv2 hp" }
    }
}

/// RFC 9001 §5.2, and drafts 33 and 34.
const V1: Suite = Suite::of([
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
]);
/// RFC 9369 §3.3.1.
const V2: Suite = Suite::of_v2([
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
]);
/// The first draft of version 2.
const V2_DRAFT_00: Suite = Suite::of_v2([
    0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06, 0xea,
    0x7a, 0xe3, 0xe5, 0xd3,
]);
/// Drafts 29 to 32.
const DRAFT_29: Suite = Suite::of([
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
]);
/// Drafts 23 to 28.
const DRAFT_23: Suite = Suite::of([
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
]);
/// Draft 22, the first with the headers that version 1 has.
const DRAFT_22: Suite = Suite::of([
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd,
    0x7a, 0x02, 0x64, 0x4a,
]);
/// Google's `Q050`.
const Q050: Suite = Suite::of([
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0,
    0xd3, 0xb5, 0x6b, 0x45,
]);
/// Google's `T050`.
const T050: Suite = Suite::of([
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c,
    0x60, 0x48, 0x83, 0x10,
]);
/// Google's `T051`.
const T051: Suite = Suite::of([
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc,
    0xda, 0x6e, 0x03, 0x3d,
]);

impl Version {
    /// Version 1 (RFC 9000).
    pub const V1: Version = Version(1);
    /// Version 2 (RFC 9369).
    pub const V2: Version = Version(0x6b33_43cf);

    /// The first draft of version 2, and those between it and the last (draft-ietf-quic-v2).
    const V2_DRAFT_00: u32 = 0xff02_0000;
    const V2_DRAFTS: u32 = 0x709a_50c4;

    /// What the version is of.
    pub fn family(self) -> Family {
        match self.0 {
            0 => Family::Negotiation,
            _ if self == Version::V1 || self == Version::V2 || self.is_reserved() => {
                Family::Standard
            }
            0xff00_0001..=0xff00_00ff
            | 0xface_b000..=0xface_b0ff
            | Version::V2_DRAFT_00
            | Version::V2_DRAFTS => Family::Draft,
            _ if self.google().is_some() => Family::Google,
            _ => Family::Unknown,
        }
    }

    /// The letter and the number of one of Google's versions, such as `Q` and 43.
    pub fn google(self) -> Option<(u8, u16)> {
        let [letter, digits @ ..] = self.0.to_be_bytes();
        if !matches!(letter, b'Q' | b'T') || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        Some((letter, number))
    }

    /// Whether the numbers of its packet types are those of version 2 (RFC 9369 §3.2).
    pub fn has_types_of_v2(self) -> bool {
        self == Version::V2 || self.0 == Version::V2_DRAFTS
    }

    /// Whether a server is to answer with the versions that it has (RFC 9000 §15).
    fn is_reserved(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }

    /// What an Initial of this version may be protected with, the likely one first; empty where
    /// that is not known. Whether it was is told by the packet, which is authenticated.
    pub fn suites(self) -> &'static [Suite] {
        match self.0 {
            _ if self == Version::V2 => &[V2],
            Version::V2_DRAFT_00 => &[V2_DRAFT_00],
            // The salt changed while the number did not.
            Version::V2_DRAFTS => &[V2, V2_DRAFT_00],
            1 | 0xff00_0021 | 0xff00_0022 => &[V1],
            0xff00_001d..=0xff00_0020 => &[DRAFT_29],
            0xff00_0017..=0xff00_001c | 0xface_b002 | 0xface_b00e => &[DRAFT_23],
            0xff00_0016 | 0xface_b001 => &[DRAFT_22],
            0xface_b000..=0xface_b0ff => &[DRAFT_29, V1, DRAFT_23],
            // Whoever sends one of these says nothing of the version that it has in mind.
            _ if self.is_reserved() => &[DRAFT_29, V1, V2, DRAFT_23],
            _ => match self.google() {
                Some((b'Q', 50)) => &[Q050],
                Some((b'T', 50)) => &[T050],
                Some((b'T', 51)) => &[T051],
                Some(_) | None => &[],
            },
        }
    }
}
