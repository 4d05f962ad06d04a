//! Flows that wait: what is judged may depend on any answer of DNS that the captures hold, so that
//! nothing is judged before all of them are read.

use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use tempfile::SpooledTempFile;

use super::failure;
use super::failure::Failure;
use crate::capture::CapturedFlow;
use crate::report::replay::Position;

/// Bytes that are held in memory: flows of a capture of some hundred megabytes. What is beyond lies
/// in a temporary file without a name.
const IN_MEMORY: usize = 28 << 20;
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
    /// Where the file lies, once it has to be one.
    folder: PathBuf,
    gathered: Vec<u8>,
    /// Bytes before those gathered.
    written: u64,
    flows: u64,
    /// Why flows are missing.
    failed: Option<Failure>,
}

impl Spool {
    /// No flows yet; `folder` is for temporary files.
    pub(super) fn new(folder: &Path) -> Spool {
        Spool::with_limit(IN_MEMORY, folder)
    }

    fn with_limit(in_memory: usize, folder: &Path) -> Spool {
        Spool {
            file: SpooledTempFile::new_in(in_memory, folder),
            folder: folder.to_owned(),
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
            postcard::to_extend(&(capture, flow), gathered).map_err(|error| unwritable(&error))?;
        let length = self.gathered.len() - start - size_of::<u32>();
        let length = u32::try_from(length).map_err(|error| unwritable(&error))?;
        if let Some(place) = self.gathered.get_mut(start..start + size_of::<u32>()) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.flows += 1;
        if self.gathered.len() >= GATHERED { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), Failure> {
        self.file.write_all(&self.gathered).map_err(|error| cannot(&self.folder, &error))?;
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
        self.write()?;
        self.file.rewind().map_err(|error| cannot(&self.folder, &error))?;
        let file = BufReader::with_capacity(GATHERED, &mut self.file);
        Ok(Batches { file, folder: &self.folder, at: 0, left: self.flows })
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
        decode(&record().map_err(|error| cannot(&self.folder, &error))?)
    }
}

/// Batches of waiting flows.
#[derive(Debug)]
pub(super) struct Batches<'a> {
    file: BufReader<&'a mut SpooledTempFile>,
    folder: &'a Path,
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
            self.record(batch).map_err(|error| cannot(self.folder, &error))?;
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

/// The temporary file in `folder` cannot be made, written or read.
pub(super) fn cannot(folder: &Path, error: &io::Error) -> Failure {
    Failure::with_help(
        format!(
            "cannot keep flows in a temporary file in `{}`: {}",
            folder.display(),
            failure::plain(error)
        ),
        "let `TMPDIR` name a folder that can be written to and has room: a flow takes some hundred bytes",
    )
}

/// A flow cannot be put in a record: none is so long.
fn unwritable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("a flow cannot be kept in a temporary file: {error}"))
}

/// A flow that was written is not read as it was: nobody but this run writes there.
fn unusable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("a flow in the temporary file cannot be read back: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_named_with_what_to_do() {
        let sandbox = tempfile::tempdir().unwrap();
        let folder = sandbox.path().join("gone");
        let mut spool = Spool::with_limit(0, &folder);
        assert!(spool.batches().is_ok(), "no file is needed for nothing");
        spool.gathered.push(0);
        let Some(Failure::Message { message, help }) = spool.batches().err() else {
            panic!("expected a message");
        };
        let expected = format!("cannot keep flows in a temporary file in `{}`: ", folder.display());
        assert!(message.starts_with(&expected), "{message}");
        assert!(help.is_some_and(|help| help.contains("TMPDIR")));
    }
}
