//! Flows that wait: what is judged may depend on any answer of DNS that the captures hold, so that
//! nothing is judged before all of them are read.

use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write as _;
use std::ops::Range;

use tempfile::SpooledTempFile;

use super::failure;
use super::failure::Failure;
use crate::capture::CapturedFlow;
use crate::report::replay::Position;

/// Bytes that are held in memory: flows of a capture of some hundred megabytes. What is beyond lies
/// in a temporary file without a name.
const IN_MEMORY: usize = 32 << 20;
/// Bytes that are gathered before they are written.
const GATHERED: usize = 64 << 10;
/// Flows that are taken back at a time: enough for several threads.
const IN_BATCH: usize = 4096;

/// A recorded flow, and which of the captures it is from.
#[derive(Clone, Debug)]
pub(super) struct FlowOf {
    pub(super) capture: usize,
    pub(super) flow: CapturedFlow,
}

/// Waiting flows, in the order in which they came: of each a length, and itself in the form of
/// `postcard`, which no other run ever reads.
#[derive(Debug)]
pub(super) struct Spool {
    file: SpooledTempFile,
    gathered: Vec<u8>,
    /// Bytes before those gathered.
    written: u64,
    flows: u64,
    /// Why flows are missing.
    failed: Option<Failure>,
}

impl Spool {
    pub(super) fn new() -> Spool {
        Spool {
            file: SpooledTempFile::new(IN_MEMORY),
            gathered: Vec::with_capacity(2 * GATHERED),
            written: 0,
            flows: 0,
            failed: None,
        }
    }

    /// How many flows wait.
    pub(super) fn len(&self) -> u64 {
        self.flows
    }

    /// Adds a flow. Where it cannot be kept, [`Spool::check`] says so.
    pub(super) fn add(&mut self, capture: usize, flow: &CapturedFlow) {
        if self.failed.is_some() {
            return;
        }
        if let Err(failure) = self.try_add(capture, flow) {
            self.failed = Some(failure);
        }
    }

    fn try_add(&mut self, capture: usize, flow: &CapturedFlow) -> Result<(), Failure> {
        let start = self.gathered.len();
        self.gathered.extend([0; size_of::<u32>()]);
        let gathered = std::mem::take(&mut self.gathered);
        self.gathered =
            postcard::to_extend(&(capture, flow), gathered).map_err(|error| unusable(&error))?;
        let length = self.gathered.len() - start - size_of::<u32>();
        let length = u32::try_from(length).map_err(|error| unusable(&error))?;
        if let Some(place) = self.gathered.get_mut(start..start + size_of::<u32>()) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.flows += 1;
        if self.gathered.len() >= GATHERED { self.write().map_err(|e| cannot(&e)) } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_all(&self.gathered)?;
        self.written += u64::try_from(self.gathered.len()).unwrap_or(u64::MAX);
        self.gathered.clear();
        Ok(())
    }

    /// Whether every flow could be kept so far.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// The flows from the first on, some at a time.
    pub(super) fn batches(&mut self) -> Result<Batches<'_>, Failure> {
        self.check()?;
        self.write().and_then(|()| self.file.rewind()).map_err(|error| cannot(&error))?;
        let left = self.flows;
        Ok(Batches { file: BufReader::with_capacity(GATHERED, &mut self.file), at: 0, left })
    }

    /// The flow at `position`. None may be added any more.
    pub(super) fn flow(&mut self, position: Position) -> Result<FlowOf, Failure> {
        let mut record = || -> io::Result<Vec<u8>> {
            self.file.seek(SeekFrom::Start(position.0))?;
            let mut length = [0; size_of::<u32>()];
            self.file.read_exact(&mut length)?;
            let mut record = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap_or(0)];
            self.file.read_exact(&mut record)?;
            Ok(record)
        };
        decode(&record().map_err(|error| cannot(&error))?)
    }
}

/// Batches of waiting flows.
#[derive(Debug)]
pub(super) struct Batches<'a> {
    file: BufReader<&'a mut SpooledTempFile>,
    at: u64,
    left: u64,
}

/// Some waiting flows in a row.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    records: Vec<(Position, Range<usize>)>,
}

impl Batch {
    /// The flows with their places, to be taken apart on any thread.
    pub(super) fn records(&self) -> &[(Position, Range<usize>)] {
        &self.records
    }

    /// One of the flows.
    pub(super) fn flow(&self, record: &Range<usize>) -> Result<FlowOf, Failure> {
        decode(self.bytes.get(record.clone()).unwrap_or_default())
    }
}

impl Batches<'_> {
    /// Fills `batch` anew; it stays empty after the last flow.
    pub(super) fn next(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        batch.bytes.clear();
        batch.records.clear();
        while self.left > 0 && batch.records.len() < IN_BATCH {
            self.left -= 1;
            self.record(batch).map_err(|error| cannot(&error))?;
        }
        Ok(())
    }

    fn record(&mut self, batch: &mut Batch) -> io::Result<()> {
        let position = Position(self.at);
        let mut length = [0; size_of::<u32>()];
        self.file.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        let start = batch.bytes.len();
        batch.bytes.resize(start + usize::try_from(length).unwrap_or(0), 0);
        self.file.read_exact(batch.bytes.get_mut(start..).unwrap_or_default())?;
        self.at += u64::from(length) + size_of::<u32>() as u64;
        batch.records.push((position, start..batch.bytes.len()));
        Ok(())
    }
}

fn decode(record: &[u8]) -> Result<FlowOf, Failure> {
    let (capture, flow) = postcard::from_bytes(record).map_err(|error| unusable(&error))?;
    Ok(FlowOf { capture, flow })
}

/// The temporary file cannot be written or read.
pub(super) fn cannot(error: &io::Error) -> Failure {
    Failure::with_help(
        format!("cannot keep the flows in a temporary file: {}", failure::plain(error)),
        "let `TMPDIR` name a folder with more room; a flow takes some hundred bytes",
    )
}

/// A flow that was written is not read as it was: nobody but this run writes there.
fn unusable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("a flow in the temporary file cannot be read back: {error}"))
}
