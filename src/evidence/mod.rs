//! What is known of the environment: DNS answers that were seen, a lock, service tags.
//!
//! In: answers from captures, a lock file, Microsoft's service-tag file. Out: what they say of a
//! name, an address or a tag at a time. Evidence informs verdicts and reports; nothing here turns
//! a name into addresses of a rule.

mod answer;

pub use answer::DnsAnswer;
pub use answer::DnsRecord;
pub use answer::ResponseCode;
