//! What is known of the environment: DNS answers that were seen, a lock, service tags.
//!
//! In: answers from captures, a lock file, Microsoft's service-tag file. Out: what they say of a
//! name, an address or a tag at a time. Evidence informs verdicts and reports; nothing here turns
//! a name into addresses of a rule. No file is opened here: texts and bytes are arguments, and so
//! is the time. Only `live` (feature `live-dns`) speaks to the network, and only when called.

pub mod azure_cloud;
#[cfg(feature = "live-dns")]
pub mod live;
pub mod lock;
pub mod service_tags;
pub mod timeline;

mod answer;
mod chain;
mod exchange;
mod known;

pub use answer::DnsAnswer;
pub use answer::DnsAside;
pub use answer::DnsRecord;
pub use answer::RecordType;
pub use answer::ResponseCode;
pub use answer::Solicited;
pub use exchange::Exchanges;
pub use known::Evidence;
pub use known::Fact;
pub use lock::Lock;
pub use service_tags::ServiceTags;
pub use timeline::DnsTimeline;
