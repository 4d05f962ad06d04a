//! The text of a lock, `exeat.lock/1`.
//!
//! ```text
//! {
//!   "schema": "exeat.lock/1",
//!   "names": [
//!     {"name":"a.test","addresses":["192.0.2.1"],"ttl":60,"aliases":[],"server":"10.0.0.4:53","at":"2026-03-01T10:00:00Z"}
//!   ],
//!   "imports": [
//!     {"import":"./mirrors.egress","version":null,"sha256":"e3b0…"}
//!   ]
//! }
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::json;

use super::ContentHash;
use super::Lock;
use super::LockedImport;
use super::LockedName;
use crate::flow::Fqdn;

const SCHEMA: &str = "exeat.lock/1";

/// Why a text is no lock, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct LockError {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes; 0 where a line ends too early.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

pub(super) fn read(text: &str) -> Result<Lock, LockError> {
    let document: Document = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
        LockError { line, column, message }
    })?;
    let Schema::One = document.schema;
    let mut lock = Lock::default();
    for entry in document.names {
        lock.insert_name(entry.into());
    }
    for entry in document.imports {
        lock.insert_import(entry.into());
    }
    Ok(lock)
}

pub(super) fn write(lock: &Lock) -> String {
    let names: Vec<String> = lock.names().map(name_line).collect();
    let imports: Vec<String> = lock.imports().map(import_line).collect();
    format!(
        "{{\n  \"schema\": \"{SCHEMA}\",\n  \"names\": {},\n  \"imports\": {}\n}}\n",
        list(&names),
        list(&imports)
    )
}

fn name_line(locked: &LockedName) -> String {
    let addresses: Vec<String> = locked.addresses.iter().map(ToString::to_string).collect();
    let aliases: Vec<&str> = locked.aliases.iter().map(Fqdn::as_str).collect();
    json!({
        "name": locked.name.as_str(),
        "addresses": addresses,
        "ttl": locked.ttl,
        "aliases": aliases,
        "server": locked.server,
        "at": locked.at.to_string(),
    })
    .to_string()
}

fn import_line(locked: &LockedImport) -> String {
    json!({
        "import": locked.import,
        "version": locked.version,
        "sha256": locked.sha256.to_string(),
    })
    .to_string()
}

/// An array with each of `lines` on a line of its own.
fn list(lines: &[String]) -> String {
    if lines.is_empty() {
        return "[]".to_owned();
    }
    format!("[\n    {}\n  ]", lines.join(",\n    "))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: Schema,
    #[serde(deserialize_with = "unique")]
    names: Vec<NameEntry>,
    #[serde(deserialize_with = "unique")]
    imports: Vec<ImportEntry>,
}

#[derive(Deserialize)]
enum Schema {
    #[serde(rename = "exeat.lock/1")]
    One,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameEntry {
    #[serde(deserialize_with = "parsed")]
    name: Fqdn,
    addresses: BTreeSet<IpAddr>,
    ttl: u32,
    aliases: Vec<Alias>,
    server: String,
    #[serde(deserialize_with = "parsed")]
    at: Timestamp,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Alias {
    #[serde(deserialize_with = "parsed")]
    name: Fqdn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportEntry {
    import: String,
    // Without this a missing `version` would pass as null.
    #[serde(deserialize_with = "Option::deserialize")]
    version: Option<String>,
    #[serde(deserialize_with = "parsed")]
    sha256: ContentHash,
}

/// Reads a text as what it stands for, so that an error has the place of the text.
fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| de::Error::custom(format_args!("`{text}`: {error}")))
}

/// What only one entry of a list may have.
trait Keyed {
    fn key(&self) -> &str;
}

impl Keyed for NameEntry {
    fn key(&self) -> &str {
        self.name.as_str()
    }
}

impl Keyed for ImportEntry {
    fn key(&self) -> &str {
        &self.import
    }
}

/// Reads a list in which no key is there twice; the error names the key, and its place is the end
/// of the list.
fn unique<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Keyed,
{
    struct Entries<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de> + Keyed> Visitor<'de> for Entries<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut keys = BTreeSet::new();
            let mut entries = Vec::new();
            while let Some(entry) = list.next_element::<T>()? {
                if !keys.insert(entry.key().to_owned()) {
                    let key = entry.key();
                    return Err(de::Error::custom(format_args!("`{key}` is there twice")));
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_seq(Entries(PhantomData))
}

impl From<NameEntry> for LockedName {
    fn from(entry: NameEntry) -> LockedName {
        LockedName {
            name: entry.name,
            addresses: entry.addresses,
            ttl: entry.ttl,
            aliases: entry.aliases.into_iter().map(|alias| alias.name).collect(),
            server: entry.server,
            at: entry.at,
        }
    }
}

impl From<ImportEntry> for LockedImport {
    fn from(entry: ImportEntry) -> LockedImport {
        LockedImport { import: entry.import, version: entry.version, sha256: entry.sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "schema": "exeat.lock/1",
  "names": [
    {"name":"a.test","addresses":["192.0.2.1","2001:db8::1"],"ttl":20,"aliases":["b.test"],"server":"10.0.0.4:53","at":"2096-03-01T10:00:00Z"},
    {"name":"z.test","addresses":[],"ttl":0,"aliases":[],"server":"[2001:db8::53]:53","at":"2096-03-01T10:00:00.5Z"}
  ],
  "imports": [
    {"import":"./mirrors.egress","version":null,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"import":"aks/core","version":"1","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
  ]
}
"#;

    #[test]
    fn what_is_written_is_what_was_read() {
        let lock = read(TEXT).unwrap();
        assert_eq!(write(&lock), TEXT);
        let pin = lock.import("./mirrors.egress").unwrap();
        assert_eq!(pin.sha256, ContentHash::of(b""));
    }

    #[test]
    fn a_lock_without_entries_is_still_a_document() {
        let text = write(&Lock::default());
        assert_eq!(
            text,
            "{\n  \"schema\": \"exeat.lock/1\",\n  \"names\": [],\n  \"imports\": []\n}\n"
        );
        assert_eq!(read(&text), Ok(Lock::default()));
    }

    /// Reads the document with `from` replaced by `to`.
    #[track_caller]
    fn refuses(from: &str, to: &str, expected: &str) {
        assert!(TEXT.contains(from));
        let error = read(&TEXT.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_is_no_lock_is_refused_with_its_place() {
        refuses(
            "lock/1",
            "lock/2",
            "line 2, column 26: unknown variant `exeat.lock/2`, expected `exeat.lock/1`",
        );
        refuses(
            r#""ttl":20"#,
            r#""ttl":20,"source":"me""#,
            "line 4, column 78: unknown field `source`, expected one of `name`, `addresses`, \
             `ttl`, `aliases`, `server`, `at`",
        );
        refuses(r#""ttl":20,"#, "", "line 4, column 133: missing field `ttl`");
        refuses(r#""version":null,"#, "", "line 8, column 109: missing field `version`");
        refuses("z.test", "A.test.", "line 6, column 3: `a.test` is there twice");
        refuses(
            "aks/core",
            "./mirrors.egress",
            "line 10, column 3: `./mirrors.egress` is there twice",
        );
        refuses(
            "a.test",
            "*.a.test",
            "line 4, column 22: `*.a.test`: `*` is allowed only at the far left of a name",
        );
        refuses("192.0.2.1", "192.0.2", "line 4, column 43: invalid IP address syntax");
        refuses(
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "E3B0",
            "line 8, column 64: `E3B0`: expected 64 hexadecimal digits in lower case",
        );
        refuses("\n}\n", "", "line 10, column 3: EOF while parsing an object");
    }
}
