//! The protection of Initials (RFC 9001 §5).

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::KeyInit;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::Block;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use hkdf::Hkdf;
use sha2::Sha256;

use super::header::LongHeader;
use super::version::Suite;

/// Bytes that are looked at to hide the header, as far behind its packet number as the longest
/// number takes (RFC 9001 §5.4.2).
const SAMPLE: usize = 16;
const LONGEST_NUMBER: usize = 4;

/// The keys of what a client sends in its Initials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InitialKeys {
    key: [u8; 16],
    iv: [u8; 12],
    header: [u8; 16],
}

impl InitialKeys {
    /// Derives the keys of the client from the destination connection id of its first Initial, or
    /// of the first behind a Retry (RFC 9001 §5.2).
    pub fn client(suite: &Suite, destination_id: &[u8]) -> Option<InitialKeys> {
        let initial = Hkdf::<Sha256>::new(Some(&suite.salt), destination_id);
        let secret: [u8; 32] = expand(&initial, "client in")?;
        let client = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        Some(InitialKeys {
            key: expand(&client, suite.key)?,
            iv: expand(&client, suite.iv)?,
            header: expand(&client, suite.header)?,
        })
    }

    /// What an Initial protects, or `None` where it is not of these keys.
    pub fn open(&self, initial: &LongHeader<'_>) -> Option<Vec<u8>> {
        let LongHeader { packet, number_at, .. } = *initial;
        let mask = self.mask(packet.get(number_at + LONGEST_NUMBER..)?)?;
        let [first_mask, number_mask @ ..] = mask;
        let first = packet.first()? ^ first_mask & 0x0f;
        let number_length = usize::from(first & 3) + 1;
        let (header, protected) = packet.split_at_checked(number_at + number_length)?;
        let mut header = header.to_vec();
        *header.first_mut()? = first;
        let mut number = 0_u32;
        for (byte, mask) in header.get_mut(number_at..)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            number = number << 8 | u32::from(*byte);
        }
        let mut payload = protected.to_vec();
        let cipher = Aes128Gcm::new((&self.key).into());
        cipher.decrypt_in_place((&self.nonce(number)).into(), &header, &mut payload).ok()?;
        Some(payload)
    }

    /// The packet of a header and what it is to protect, or `None` where that is too short to hide
    /// the header. `header` ends with a packet number of four bytes, and says so in its first byte.
    pub fn seal(&self, header: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        let number = u32::from_be_bytes(*header.last_chunk::<LONGEST_NUMBER>()?);
        let mut protected = payload.to_vec();
        let cipher = Aes128Gcm::new((&self.key).into());
        cipher.encrypt_in_place((&self.nonce(number)).into(), header, &mut protected).ok()?;
        let [first_mask, number_mask @ ..] = self.mask(&protected)?;
        let mut packet = header.to_vec();
        *packet.first_mut()? ^= first_mask & 0x0f;
        let number_at = packet.len() - LONGEST_NUMBER;
        for (byte, mask) in packet.iter_mut().skip(number_at).zip(number_mask) {
            *byte ^= mask;
        }
        packet.extend(protected);
        Some(packet)
    }

    /// The nonce of a packet. Numbers are taken as they are written: a client that was not answered
    /// yet has to write them whole (RFC 9000 §17.1).
    fn nonce(&self, number: u32) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().skip(8).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// What hides the first byte and the packet number, from the bytes where the sample begins.
    fn mask(&self, sampled: &[u8]) -> Option<[u8; 5]> {
        let sample = sampled.first_chunk::<SAMPLE>()?;
        let mut block = Block::from(*sample);
        Aes128::new((&self.header).into()).encrypt_block(&mut block);
        block.first_chunk::<5>().copied()
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; N]> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let mut out = [0; N];
    let info: [&[u8]; 5] = [&length, &label_length, PREFIX, label.as_bytes(), &[0]];
    secret.expand_multi_info(&info, &mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quic::Version;

    const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    fn keys(version: Version) -> InitialKeys {
        InitialKeys::client(version.suites().first().unwrap(), &ID).unwrap()
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().map(|digit| digit.to_digit(16).unwrap().try_into().unwrap()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn the_keys_are_those_of_the_rfcs() {
        // RFC 9001 §A.1.
        let InitialKeys { key, iv, header } = keys(Version::V1);
        assert_eq!(key.to_vec(), hex("1f369613dd76d5467730efcbe3b1a22d"));
        assert_eq!(iv.to_vec(), hex("fa044b2f42a3fd3b46fb255c"));
        assert_eq!(header.to_vec(), hex("9f50449e04a0e810283a1e9933adedd2"));
        // RFC 9369 §A.1.
        let InitialKeys { key, iv, header } = keys(Version::V2);
        assert_eq!(key.to_vec(), hex("8b1a0bc121284290a29e0971b5cd045d"));
        assert_eq!(iv.to_vec(), hex("91f73e2351d8fa91660e909f"));
        assert_eq!(header.to_vec(), hex("45b95e15235d6f45a6b19cbcb0294ba9"));
    }

    /// Those of drafts 23 and 29 are in the appendices of the drafts; packets recorded of clients of the
    /// others open with them.
    #[test]
    fn the_keys_of_drafts_are_those_that_clients_used() {
        for (version, expected) in [
            (0xface_b001, "07863d9c083786bc86766ce0d02bf93f"),
            (0xface_b002, "af7fd7efebd21878ff66811248983694"),
            (0xff00_001d, "175257a31eb09dea9366d8bb79ad80ba"),
            (0xff02_0000, "95df2be2e8d549c82e996fc9339f4563"),
        ] {
            let InitialKeys { key, .. } = keys(Version(version));
            assert_eq!(key.to_vec(), hex(expected), "{version:x}");
        }
        let between = [Version::V2.suites(), Version(0xff02_0000).suites()].concat();
        assert_eq!(Version(0x709a_50c4).suites(), between);
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_same_keys_only() {
        let payload = [6; 40];
        let length = payload.len() + LONGEST_NUMBER + 16;
        let mut header = vec![0xc3, 0, 0, 0, 1, 8];
        header.extend(ID);
        header.extend([0, 0]);
        crate::quic::write_varint(length.try_into().unwrap(), &mut header);
        header.extend(2_u32.to_be_bytes());
        let mut packet = keys(Version::V1).seal(&header, &payload).unwrap();
        let open = |packet: &[u8], version| {
            let (header, following) = LongHeader::read(packet).unwrap();
            assert!(following.is_empty());
            keys(version).open(&header)
        };
        assert_eq!(open(&packet, Version::V1), Some(payload.to_vec()));
        assert_eq!(open(&packet, Version::V2), None);
        *packet.last_mut().unwrap() ^= 1;
        assert_eq!(open(&packet, Version::V1), None);
    }
}
