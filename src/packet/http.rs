//! HTTP/1: the head of a request (RFC 9112 §2).

use std::fmt::Write as _;

use crate::flow::Request;

use super::opening::Unwritable;

/// The longest path that is written: longer ones many servers and readers refuse (RFC 9112 §3).
const MOST_PATH_BYTES: usize = 32 * 1024;

/// A request for what `request` says, of a client that then waits.
pub(super) fn request(request: &Request) -> Result<Vec<u8>, Unwritable> {
    let path = &request.path;
    let stands_in_a_target = |byte: u8| byte > b' ' && byte != 0x7f;
    if !path.starts_with('/') || !path.bytes().all(stands_in_a_target) {
        return Err(Unwritable::Path);
    }
    if path.len() > MOST_PATH_BYTES {
        return Err(Unwritable::LongPath { most: MOST_PATH_BYTES });
    }
    let mut host = request.host.as_ref().map(ToString::to_string).unwrap_or_default();
    if let Some(port) = request.port {
        // Writing to a `String` cannot fail.
        let _ = write!(host, ":{port}");
    }
    // Only before version 1.1 a request may lack the field (RFC 9112 §3.2).
    Ok(if host.is_empty() {
        format!("GET {path} HTTP/1.0\r\nAccept: */*\r\n\r\n")
    } else {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n")
    }
    .into_bytes())
}
