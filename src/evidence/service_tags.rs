//! Microsoft's list of service tags, "Azure IP Ranges and Service Tags" (`azure-nsg.md §2`).

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::io::Read;
use std::net::IpAddr;

use flate2::bufread::MultiGzDecoder;
use ipnet::IpNet;
use serde::Deserialize;
use serde::Deserializer;
use serde::de;

use super::known::Fact;
use crate::flow::AddressSet;

/// The longest document that is read, unpacked: 64 MiB, where the file of 2025 has 3.7 MB. A few
/// packed kilobytes could otherwise unpack to any length.
pub const LONGEST_DOCUMENT: usize = 64 << 20;

/// How gzip begins (RFC 1952 §2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Why bytes are no list of service tags.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceTagsError {
    /// The gzip around it is damaged.
    #[error("cannot unpack the gzip file: {0}")]
    Gzip(#[from] io::Error),
    /// It is longer than [`LONGEST_DOCUMENT`].
    #[error("expected at most {LONGEST_DOCUMENT} bytes, found more")]
    TooLong,
    /// It is no JSON of the expected shape. The message ends in line and column.
    #[error("expected Microsoft's service tags as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A tag is there twice.
    #[error("the service tag `{0}` is there twice")]
    Twice(String),
}

/// One service tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceTag {
    /// The name as Microsoft writes it, such as `Storage.WestEurope`.
    pub name: String,
    /// The region, in Microsoft's own words (`westeurope`, `centralfrance`), or `None` for a
    /// global tag. A dot in the name does not make a tag regional (`AzureFrontDoor.Backend`).
    pub region: Option<String>,
    /// Its addresses.
    pub addresses: AddressSet,
}

/// The service tags of one cloud at one time.
///
/// `VirtualNetwork`, `Internet`, `AzureLoadBalancer` and `AzurePlatform…` are not in Microsoft's
/// file, so nothing is known of them here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceTags {
    cloud: String,
    change_number: u64,
    // Invariant: each key is the name of its value in ASCII lower case.
    tags: BTreeMap<String, ServiceTag>,
}

impl ServiceTags {
    /// Reads the file, packed with gzip or not.
    ///
    /// Fields that are not known are passed over: the format is Microsoft's to extend, and the
    /// addresses of a tag are in one field.
    ///
    /// # Errors
    /// Damaged gzip, a document that is too long, JSON of another shape, what is no prefix, a tag
    /// that is there twice.
    pub fn read(bytes: &[u8]) -> Result<ServiceTags, ServiceTagsError> {
        let document: Document = if bytes.starts_with(GZIP) {
            serde_json::from_slice(&unpack(bytes)?)?
        } else if bytes.len() > LONGEST_DOCUMENT {
            return Err(ServiceTagsError::TooLong);
        } else {
            serde_json::from_slice(bytes)?
        };
        let mut tags = BTreeMap::new();
        for entry in document.values {
            let properties = entry.properties;
            let tag = ServiceTag {
                region: (!properties.region.is_empty()).then_some(properties.region),
                addresses: properties.address_prefixes.into_iter().map(|p| p.0).collect(),
                name: entry.name,
            };
            if let Some(other) = tags.insert(tag.name.to_ascii_lowercase(), tag) {
                return Err(ServiceTagsError::Twice(other.name));
            }
        }
        Ok(ServiceTags { cloud: document.cloud, change_number: document.change_number, tags })
    }

    /// The cloud, such as `Public`.
    pub fn cloud(&self) -> &str {
        &self.cloud
    }

    /// The number that grows with each change of the file.
    pub fn change_number(&self) -> u64 {
        self.change_number
    }

    /// The tag called `name`, whatever its case.
    pub fn tag(&self, name: &str) -> Option<&ServiceTag> {
        self.tags.get(&name.to_ascii_lowercase())
    }

    /// The tags, by name in lower case.
    pub fn tags(&self) -> impl Iterator<Item = &ServiceTag> {
        self.tags.values()
    }

    /// Whether `address` is in the tag called `name`; unknown for a tag that is not in the file.
    pub fn contains(&self, name: &str, address: IpAddr) -> Fact {
        match self.tag(name) {
            Some(tag) => Fact::from(tag.addresses.contains(address)),
            None => Fact::Unknown,
        }
    }

    /// The global tag that `regional` is a part of: `Storage` for `Storage.WestEurope`, and `None`
    /// where `regional` has no region or the file has no such tag.
    pub fn global(&self, regional: &ServiceTag) -> Option<&ServiceTag> {
        regional.region.as_ref()?;
        let (global, _) = regional.name.rsplit_once('.')?;
        self.tag(global)
    }

    /// The addresses of `regional` that its global tag lacks.
    ///
    /// A regional tag is said to lie in its global one. Where the file says otherwise, the file
    /// is what Azure has, so this has to be asked before relying on it (`azure-nsg.md §2`).
    pub fn outside_global(&self, regional: &ServiceTag) -> AddressSet {
        match self.global(regional) {
            Some(global) => regional.addresses.difference(&global.addresses),
            None => AddressSet::empty(),
        }
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, ServiceTagsError> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(LONGEST_DOCUMENT).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut unpacked)?;
    if unpacked.len() > LONGEST_DOCUMENT { Err(ServiceTagsError::TooLong) } else { Ok(unpacked) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    change_number: u64,
    cloud: String,
    values: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    region: String,
    address_prefixes: Vec<Prefix>,
}

/// A prefix, or an address as a prefix of its own.
struct Prefix(IpNet);

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Prefix, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Prefix;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address prefix such as `10.0.0.0/8`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Prefix, E> {
                text.parse::<IpNet>()
                    .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                    .map(Prefix)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &str = r#"{
  "changeNumber": 343,
  "cloud": "Public",
  "values": [
    { "name": "Storage", "id": "Storage", "properties": { "changeNumber": 1, "region": "",
      "regionId": 0, "addressPrefixes": ["192.0.2.0/25", "2001:db8::/32"] } },
    { "name": "Storage.WestEurope", "properties": { "region": "westeurope",
      "addressPrefixes": ["192.0.2.0/26", "198.51.100.7"] } },
    { "name": "AzureFrontDoor.Backend", "properties": { "region": "", "addressPrefixes": [] } }
  ]
}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_tag_is_found_whatever_its_case() {
        let tags = ServiceTags::read(TEXT.as_bytes()).unwrap();
        assert_eq!((tags.cloud(), tags.change_number()), ("Public", 343));
        assert_eq!(tags.contains("STORAGE.westeurope", address("192.0.2.1")), Fact::True);
        assert_eq!(tags.contains("storage.westeurope", address("192.0.2.64")), Fact::False);
        assert_eq!(tags.contains("Storage", address("2001:db8::1")), Fact::True);
        assert_eq!(tags.contains("Internet", address("192.0.2.1")), Fact::Unknown);
    }

    #[test]
    fn the_file_says_how_far_a_region_lies_in_its_global_tag() {
        let tags = ServiceTags::read(TEXT.as_bytes()).unwrap();
        let regional = tags.tag("Storage.WestEurope").unwrap();
        assert_eq!(tags.global(regional).unwrap().name, "Storage");
        assert_eq!(tags.outside_global(regional).to_string(), "198.51.100.7");
        let dotted = tags.tag("AzureFrontDoor.Backend").unwrap();
        assert_eq!(tags.global(dotted), None);
    }

    #[test]
    fn a_packed_file_is_the_same_file() {
        let plain = ServiceTags::read(TEXT.as_bytes()).unwrap();
        assert_eq!(ServiceTags::read(&gzip(TEXT.as_bytes())).unwrap(), plain);
    }

    #[test]
    fn a_few_packed_bytes_do_not_fill_the_memory() {
        let bomb = gzip(&vec![b' '; LONGEST_DOCUMENT + 1]);
        assert!(bomb.len() < 1 << 20);
        assert!(matches!(ServiceTags::read(&bomb), Err(ServiceTagsError::TooLong)));
    }

    #[track_caller]
    fn refuses(bytes: &[u8], expected: &str) {
        assert_eq!(ServiceTags::read(bytes).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        refuses(
            TEXT.replace("192.0.2.0/26", "192.0.2.0/33").as_bytes(),
            "expected Microsoft's service tags as JSON: invalid value: string \"192.0.2.0/33\", \
             expected an address prefix such as `10.0.0.0/8` at line 8 column 40",
        );
        refuses(
            TEXT.replace("Storage.WestEurope", "STORAGE").as_bytes(),
            "the service tag `Storage` is there twice",
        );
        refuses(
            TEXT.replace("addressPrefixes", "prefixes").as_bytes(),
            "expected Microsoft's service tags as JSON: missing field `addressPrefixes` at line 6 \
             column 68",
        );
        let packed = gzip(TEXT.as_bytes());
        let cut = packed.split_at(packed.len() / 2).0;
        assert!(matches!(ServiceTags::read(cut), Err(ServiceTagsError::Gzip(_))));
    }
}
