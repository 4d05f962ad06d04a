//! QUIC: whether a datagram is some version of it. Its ClientHello is encrypted, and not read here.

/// Whether a UDP payload begins as a QUIC packet with a long header does (RFC 8999 §5.1), of a
/// version that is known, or as one of Google's versions before that.
pub(in crate::capture) fn is_quic(bytes: &[u8]) -> bool {
    match bytes {
        [first, v0, v1, v2, v3, destination, rest @ ..] if first & 0x80 != 0 => {
            let version = u32::from_be_bytes([*v0, *v1, *v2, *v3]);
            let fits = connection_ids(*destination, rest);
            match kind(version) {
                // Versions before draft 23 write both lengths in one byte.
                Version::Google | Version::Draft => bytes.len() >= 20,
                Version::Standard => fits && first & 0x40 != 0,
                Version::Negotiation => fits && lists_versions(bytes),
                Version::Unknown => false,
            }
        }
        _ => is_old_google(bytes),
    }
}

enum Version {
    Standard,
    Draft,
    Google,
    Negotiation,
    Unknown,
}

fn kind(version: u32) -> Version {
    match version {
        0 => Version::Negotiation,
        // Version 1 and 2 (RFC 9000 §15, RFC 9369 §3.1), and those reserved to force negotiation.
        1 | 0x6b33_43cf => Version::Standard,
        _ if version & 0x0f0f_0f0f == 0x0a0a_0a0a => Version::Standard,
        // IETF drafts, and Facebook's variants of them.
        0xff00_0001..=0xff00_00ff | 0xface_b000..=0xface_b0ff => Version::Draft,
        // `Q046`, `T051` and so on.
        _ if is_google(version.to_be_bytes()) => Version::Google,
        _ => Version::Unknown,
    }
}

fn is_google([letter, digits @ ..]: [u8; 4]) -> bool {
    matches!(letter, b'Q' | b'T') && digits.iter().all(u8::is_ascii_digit)
}

/// Whether two connection ids of at most 20 bytes fit in the packet (RFC 9000 §17.2).
fn connection_ids(destination: u8, rest: &[u8]) -> bool {
    let after = rest.get(usize::from(destination)..);
    destination <= 20
        && matches!(after, Some([source, rest @ ..]) if *source <= 20 && rest.len() >= usize::from(*source))
}

/// Whether a version negotiation packet lists a version that is known (RFC 9000 §17.2.1).
fn lists_versions(bytes: &[u8]) -> bool {
    bytes.as_rchunks::<4>().1.iter().any(|version| {
        matches!(kind(u32::from_be_bytes(*version)), Version::Standard | Version::Draft)
    })
}

/// Google's versions up to 43: flags with a version bit and a connection id, then the version.
fn is_old_google(bytes: &[u8]) -> bool {
    match bytes {
        [flags, _, _, _, _, _, _, _, _, version @ ..] if flags & 0x89 == 0x09 => {
            matches!(version, [b'Q', a, b, c, ..] if is_google([b'Q', *a, *b, *c]))
        }
        _ => false,
    }
}
