//! Reading on several threads: what every other test of the stage reads is read so as well, and here
//! is what only threads can do wrong.

use std::io;
use std::io::Read;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::super::CaptureError;
use super::super::CapturedFlow;
use super::super::LinkType;
use super::super::ReadError;
use super::super::Sink;
use super::super::Summary;
use super::super::read as read_all;
use super::Taken;
use super::build::CLIENT;
use super::build::SERVER;
use super::build::SYN;
use super::build::Segment;
use super::build::client_hello;
use super::file_of;
use super::session;
use crate::evidence::DnsAnswer;

/// Parts that a file is read in: enough for several batches.
const PARTS: usize = 9;

/// Gives a few bytes at a time, then fails or ends.
struct Slow<'a> {
    rest: &'a [u8],
    piece: usize,
    fails: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && self.fails {
            return Err(io::Error::other("the disk is gone"));
        }
        let length = self.piece.min(self.rest.len()).min(buffer.len());
        let (here, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(here);
        self.rest = rest;
        Ok(length)
    }
}

/// What a file gives when several threads read it in parts.
pub(super) fn read(bytes: &[u8]) -> (Taken, Result<Summary, CaptureError>) {
    let mut taken = Taken::default();
    let slow = Slow { rest: bytes, piece: bytes.len() / PARTS + 1, fails: false };
    let summary = read_all(slow, 2, &mut taken).map_err(|error| match error {
        ReadError::Capture(error) => error,
        ReadError::Input(error) => panic!("{error}"),
    });
    (taken, summary)
}

#[test]
fn an_input_that_fails_is_told_of_after_what_was_read_before() {
    // The first of these flows ends when its ports are used again.
    let file = file_of(&[session(SERVER, &[&client_hello("a.example")]), again()].concat());
    for threads in [1, 2] {
        let mut taken = Taken::default();
        let slow = Slow { rest: &file, piece: 50, fails: true };
        let error = read_all(slow, threads, &mut taken).unwrap_err();
        assert!(matches!(&error, ReadError::Input(_)), "{error}");
        assert_eq!(error.to_string(), "the disk is gone");
        assert_eq!(taken.flows.len(), 1);
    }
}

/// The opening of another connection between the ends of the first, which ends that.
fn again() -> Vec<Segment> {
    vec![Segment::new(CLIENT, SERVER, SYN, 90_000, b"")]
}

#[test]
fn a_link_that_is_not_read_ends_the_reading_wherever_it_comes() {
    // A section with an interface for Ethernet and one for USB, and a packet on the second.
    let block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    };
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let interface = |link: u16| [&link.to_le_bytes()[..], &[0; 6]].concat();
    let packet = |number: u32| {
        let frame = &file_of(&session(SERVER, &[]))[40..94];
        let lengths = [54_u32.to_le_bytes(), 54_u32.to_le_bytes()].concat();
        [&number.to_le_bytes()[..], &[0; 8], &lengths, frame, &[0; 2]].concat()
    };
    let mut file = block(0x0a0d_0d0a, &section);
    file.extend(block(1, &interface(1)));
    file.extend(block(1, &interface(189)));
    for number in [0, 0, 1, 0] {
        file.extend(block(6, &packet(number)));
    }
    let (_, summary) = super::try_read(&[&file]);
    assert_eq!(summary, Err(CaptureError::LinkType { link: LinkType(189) }));
}

/// Tells when a flow comes.
struct Telling(Sender<()>);

impl Sink for Telling {
    fn flow(&mut self, _: CapturedFlow) {
        // Nobody listens any more when the last flow comes.
        let _ = self.0.send(());
    }

    fn answer(&mut self, _: DnsAnswer) {}
}

/// An input that stays open until a flow has come.
struct Open<'a>(Slow<'a>, Receiver<()>);

impl Read for Open<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.rest.is_empty() {
            self.1.recv_timeout(Duration::from_mins(1)).expect("a flow, before the input ends");
        }
        self.0.read(buffer)
    }
}

#[test]
fn a_flow_that_has_ended_does_not_wait_for_more_of_the_input() {
    let file = file_of(&[session(SERVER, &[]), again()].concat());
    let (tell, told) = channel();
    let open = Open(Slow { rest: &file, piece: 300, fails: false }, told);
    read_all(open, 2, &mut Telling(tell)).unwrap();
}
