//! Addresses that are written as few or other numbers than usual, as programs read them that take
//! hosts from URLs: `0x7f.1`, `3221225985`.

use std::net::Ipv4Addr;

use super::name::Fqdn;

/// What a host is that ends in a number, and so is none that DNS is asked for (WHATWG URL, "ends in a
/// number checker").
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Numeric {
    /// An address of IPv4.
    Address(Ipv4Addr),
    /// No host at all, such as `192.0.2.1.9`.
    Nothing,
}

impl Numeric {
    /// What `name` is; `None` where it does not end in a number.
    pub fn of(name: &Fqdn) -> Option<Numeric> {
        let last = name.labels().next_back()?;
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
            || last.starts_with("0x") && number(last).is_some();
        is_number.then(|| address(name).map_or(Numeric::Nothing, Numeric::Address))
    }
}

/// Reads up to four numbers, of which the last stands for all bytes that the others leave (WHATWG URL,
/// "IPv4 parser").
fn address(name: &Fqdn) -> Option<Ipv4Addr> {
    let mut numbers = Vec::with_capacity(4);
    for label in name.labels() {
        if numbers.len() == 4 {
            return None;
        }
        numbers.push(number(label)?);
    }
    let (last, others) = numbers.split_last()?;
    let mut bits: u64 = 0;
    for other in others {
        bits = bits << 8 | u64::from(u8::try_from(*other).ok()?);
    }
    let left = 8 * (4 - others.len());
    if *last >= 1 << left {
        return None;
    }
    u32::try_from(bits << left | *last).ok().map(Ipv4Addr::from_bits)
}

/// A number in decimal, or in octal behind `0`, or in hexadecimal behind `0x`. One that is too large
/// for an address is the largest there is.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) => (digits, 8),
        (None, None) if text.is_empty() => return None,
        (None, None) => (text, 10),
    };
    digits.chars().try_fold(0_u64, |number, digit| {
        let digit = digit.to_digit(radix)?;
        Some(number.saturating_mul(radix.into()).saturating_add(digit.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_end_in_a_number_are_addresses_or_nothing() {
        for (text, expected) in [
            ("0x7f.1", Some("127.0.0.1")),
            ("3221225985", Some("192.0.2.1")),
            ("0300.0.02.0x1", Some("192.0.2.1")),
            ("192.0.513", Some("192.0.2.1")),
            ("0", Some("0.0.0.0")),
            ("0x", Some("0.0.0.0")),
            ("0X7F.1.", Some("127.0.0.1")),
            ("0xffffffff", Some("255.255.255.255")),
            ("4294967296", None),
            ("99999999999999999999999999", None),
            ("256.1", None),
            ("1.256.1.1", None),
            ("192.0.2.1.9", None),
            ("08.1", None),
            ("example.7", None),
            ("1.09", None),
        ] {
            let expected = expected.map(|address| Numeric::Address(address.parse().unwrap()));
            let found = Numeric::of(&Fqdn::parse(text).unwrap());
            assert_eq!(found, Some(expected.unwrap_or(Numeric::Nothing)), "{text}");
        }
        for text in ["www.example.com", "1.example", "0xg", "7.0xfg", "a1", "0x7f.x", "127.0.0.1-"]
        {
            assert_eq!(Numeric::of(&Fqdn::parse(text).unwrap()), None, "{text}");
        }
    }
}
