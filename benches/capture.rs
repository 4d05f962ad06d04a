//! Captures to flows.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use exeat::capture::CaptureError;
use exeat::capture::CapturedFlow;
use exeat::capture::Reader;
use exeat::capture::Sink;
use exeat::capture::Summary;
use exeat::evidence::DnsAnswer;

#[path = "support/capture.rs"]
mod generated;

/// As many bytes as the command line reads at a time.
const PIECE: usize = 256 * 1024;

fn main() {
    divan::main();
}

/// Counts what it is given, so that nothing but the reader is measured.
#[derive(Default)]
struct Count {
    flows: usize,
    answers: usize,
}

impl Sink for Count {
    fn flow(&mut self, _: CapturedFlow) {
        self.flows += 1;
    }

    fn answer(&mut self, _: DnsAnswer) {
        self.answers += 1;
    }
}

fn read(bytes: &[u8]) -> Result<(Summary, usize, usize), CaptureError> {
    let mut count = Count::default();
    let mut reader = Reader::new();
    for piece in bytes.chunks(PIECE) {
        reader.feed(piece, &mut count)?;
    }
    let summary = reader.finish(&mut count)?;
    Ok((summary, count.flows, count.answers))
}

/// By the number of connections, which have 32 kB each.
#[divan::bench(args = [10, 1_000, 4_000])]
fn tls(bencher: Bencher<'_, '_>, connections: usize) {
    let file = generated::tls(connections);
    assert!(read(&file).is_ok_and(|(_, flows, _)| flows == connections));
    bencher.counter(BytesCount::of_slice(&file)).bench(|| read(black_box(&file)));
}
