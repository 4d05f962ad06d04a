//! Flows as JSON, which come before the report that they stand in is known.

use std::io;
use std::io::Seek as _;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use tempfile::SpooledTempFile;

use super::failure::Failure;
use super::spool;

/// Bytes of flows as JSON that are held in memory; what is beyond lies in a temporary file.
const LISTED_IN_MEMORY: usize = 16 << 20;

/// Flows as JSON, with commas between them, until the report is written around them.
pub(super) struct Listing {
    file: SpooledTempFile,
    /// Where the file lies, once it has to be one.
    folder: PathBuf,
    is_empty: bool,
}

impl Listing {
    /// No flows yet; `folder` is for temporary files.
    pub(super) fn new(folder: &Path) -> Listing {
        let file = SpooledTempFile::new_in(LISTED_IN_MEMORY, folder);
        Listing { file, folder: folder.to_owned(), is_empty: true }
    }

    /// Adds a flow.
    pub(super) fn add(&mut self, flow: &str) -> Result<(), Failure> {
        let comma: &[u8] = if self.is_empty { b"" } else { b"," };
        self.is_empty = false;
        let written =
            self.file.write_all(comma).and_then(|()| self.file.write_all(flow.as_bytes()));
        written.map_err(|error| spool::cannot(&self.folder, &error))
    }

    /// Writes all of them to `out`.
    pub(super) fn copy(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.file.rewind()?;
        io::copy(&mut self.file, out).map(drop)
    }
}
