//! Answers of DNS (RFC 1035 §4), as nobody sends them but to harm.

/// A response to a question for the addresses of `name`, with these records.
pub(crate) fn response(name: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).expect("at most 65,535 records");
    let mut message = vec![0, 1, 0x81, 0x80, 0, 1];
    message.extend_from_slice(&count.to_be_bytes());
    message.extend_from_slice(&[0, 0, 0, 0]);
    message.extend_from_slice(name);
    message.extend_from_slice(&[0, 1, 0, 1]);
    for record in records {
        message.extend_from_slice(record);
    }
    message
}

/// A name on the wire.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let mut name = Vec::with_capacity(text.len() + 2);
    for label in text.split('.') {
        name.push(u8::try_from(label.len()).expect("a label"));
        name.extend_from_slice(label.as_bytes());
    }
    name.push(0);
    name
}

/// A pointer to what stands at `offset` of the message.
pub(crate) fn pointer(offset: usize) -> Vec<u8> {
    let offset = u16::try_from(offset).expect("an offset");
    (0xc000 | offset).to_be_bytes().to_vec()
}

/// A record of type 1 (an address), 5 (an alias) or another.
pub(crate) fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("data of a record");
    let time_to_live = [0, 0, 1, 44];
    [owner, &kind.to_be_bytes(), &[0, 1], &time_to_live, &length.to_be_bytes(), data].concat()
}
