//! Opening captures and reading them.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use super::failure::Failure;
use super::files;
use super::interrupt::Interrupt;
use super::interrupt::Stream;
use super::terminal::Terminal;
use super::threads;
use crate::capture;
use crate::capture::CapturedFlow;
use crate::capture::FileError;
use crate::capture::ReadError;
use crate::capture::Sink;
use crate::capture::Summary;
use crate::diagnostic::Severity;
use crate::evidence::DnsAnswer;

/// Bytes that show whether a file is a capture: its header, the first packets with their link
/// type, and room for a gzip wrapper and for comments. An error in them is one of the whole file.
const BEGINNING: u64 = 64 * 1024;

/// The captures of `paths`, each once: flows that count twice are nobody's wish.
fn once<'p>(
    paths: &'p [PathBuf],
    quiet: bool,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<&'p Path>, Failure> {
    let mut all = Vec::with_capacity(paths.len());
    let mut seen = BTreeSet::new();
    for path in paths {
        let full = terminal.path(path);
        let name = if files::is_standard_stream(path) { None } else { full.canonicalize().ok() };
        if seen.insert(name.unwrap_or_else(|| path.clone())) {
            all.push(path.as_path());
        } else if !quiet {
            let says = format!("`{}` is given twice, and read once", path.display());
            let text = terminal.titled(Severity::Warning, &says);
            terminal.write_err(&text)?;
        }
    }
    Ok(all)
}

/// Captures to be read.
pub(super) struct Recordings<'a> {
    all: Vec<Recording<'a>>,
    /// Whether to show how far reading has come.
    shows_progress: bool,
    /// Whether the user wants the run to end.
    interrupt: Arc<Interrupt>,
    /// How many threads to read with; as many as there are cores if that was not asked for.
    threads: Option<u16>,
}

/// A capture to be read.
struct Recording<'a> {
    /// Its path as given; `-` is standard input.
    path: &'a Path,
    /// Its path from the root.
    full: PathBuf,
}

/// How a capture was read.
pub(super) struct Reading {
    pub(super) summary: Summary,
    /// How many bytes were read when the user ended the run, if so.
    pub(super) interrupted_at: Option<u64>,
}

impl<'a> Recordings<'a> {
    /// The captures of `paths`.
    pub(super) fn of(
        paths: &'a [PathBuf],
        quiet: bool,
        threads: Option<u16>,
        terminal: &mut Terminal<'_>,
    ) -> Result<Recordings<'a>, Failure> {
        let all = once(paths, quiet, terminal)?;
        let all = all.into_iter().map(|path| Recording { path, full: terminal.path(path) });
        Ok(Recordings {
            all: all.collect(),
            shows_progress: terminal.shows_progress && !quiet,
            interrupt: Arc::clone(&terminal.interrupt),
            threads,
        })
    }

    /// The captures as they were given.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(|one| one.path.display().to_string())
    }

    /// Refuses files that are not there or do not begin as captures.
    pub(super) fn check_beginnings(&self) -> Result<(), Failure> {
        self.all.iter().try_for_each(Recording::check_beginning)
    }

    /// Reads all captures on one time line and gives `sink` what they hold; `input` is standard input. When
    /// the user wants the run to end, flows end with what was read.
    pub(super) fn read(
        &self,
        input: &mut Option<&mut (dyn Read + Send)>,
        sink: &mut impl Sink,
    ) -> Result<Vec<Reading>, Failure> {
        if self.all.len() > capture::MOST_TOGETHER {
            return Err(Failure::with_help(
                format!(
                    "{} captures are too many: at most {} are read on one time line",
                    self.all.len(),
                    capture::MOST_TOGETHER
                ),
                "put those that follow each other into one file first, as `mergecap` does",
            ));
        }
        self.interrupt.heed(true);
        let readings = self.read_together(input, sink);
        self.interrupt.heed(false);
        readings
    }

    fn read_together(
        &self,
        standard_input: &mut Option<&mut (dyn Read + Send)>,
        sink: &mut impl Sink,
    ) -> Result<Vec<Reading>, Failure> {
        let recordings = self.all.as_slice();
        let mut opened = Vec::with_capacity(recordings.len());
        for recording in recordings {
            opened.push(recording.open(standard_input, &self.interrupt)?);
        }
        let lengths: Option<u64> = opened.iter().map(|opened| opened.length).sum();
        let bar =
            if self.shows_progress { bar(recordings, lengths) } else { ProgressBar::hidden() };
        let watches: Vec<Watch> = recordings.iter().map(|_| Watch::default()).collect();
        let interrupt = &*self.interrupt;
        let inputs = opened.into_iter().zip(&watches).map(|(opened, watch)| {
            let input = bar.wrap_read(opened.input);
            Watched { input, watch, interrupt }
        });
        let inputs: Vec<_> = inputs.collect();
        let summaries = match <[_; 1]>::try_from(inputs) {
            Ok([input]) => capture::read(input, threads::number(self.threads), sink)
                .map(|summary| vec![summary])
                .map_err(|error| FileError { file: 0, error }),
            Err(several) => {
                let is_stopped = |file: usize| {
                    watches.get(file).is_some_and(|watch| watch.interrupted_at().is_some())
                };
                capture::read_together(several, is_stopped, sink)
            }
        };
        bar.finish_and_clear();
        let summaries = summaries.map_err(|FileError { file, error }| {
            let path = recordings.get(file).map_or(Path::new(""), |recording| recording.path);
            match watches.get(file).and_then(Watch::interrupted_at) {
                // Its beginning never came.
                Some(bytes) => Failure::new(format!(
                    "interrupted after {bytes} bytes of `{}`, before it was known what it is",
                    path.display()
                )),
                None => refused(path, &error),
            }
        })?;
        let readings = summaries.into_iter().zip(&watches);
        Ok(readings
            .map(|(summary, watch)| Reading { summary, interrupted_at: watch.interrupted_at() })
            .collect())
    }
}

/// An open capture.
struct Opened<'i> {
    input: Box<dyn Read + Send + 'i>,
    /// Its length, where that is known.
    length: Option<u64>,
}

impl Recording<'_> {
    /// Standard input and pipes can be read but once, and are not looked at.
    fn check_beginning(&self) -> Result<(), Failure> {
        let cannot_read = |error: io::Error| Failure::reading(self.path, &error);
        if files::is_standard_stream(self.path) {
            return Ok(());
        }
        let kind = fs::metadata(&self.full).map_err(cannot_read)?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Ok(());
        }
        let file = File::open(&self.full).map_err(cannot_read)?;
        let mut beginning = Vec::new();
        let length = file.take(BEGINNING).read_to_end(&mut beginning).map_err(cannot_read)?;
        let mut reader = capture::Reader::new();
        let fed = reader.feed(&beginning, &mut Nothing);
        // Of a longer file the end of these bytes is none: a block of Zstandard may lie across it.
        let is_whole = u64::try_from(length).is_ok_and(|length| length < BEGINNING);
        let read =
            if is_whole { fed.and_then(|()| reader.finish(&mut Nothing).map(drop)) } else { fed };
        read.map_err(|error| refused(self.path, &ReadError::Capture(error)))
    }

    fn open<'i>(
        &self,
        standard_input: &mut Option<&'i mut (dyn Read + Send)>,
        interrupt: &Arc<Interrupt>,
    ) -> Result<Opened<'i>, Failure> {
        let cannot_read = |error: io::Error| Failure::reading(self.path, &error);
        if files::is_standard_stream(self.path) {
            let input = files::standard_input(standard_input).map_err(cannot_read)?;
            return Ok(Opened { input: Box::new(input), length: None });
        }
        let data = fs::metadata(&self.full).map_err(cannot_read)?;
        if data.is_file() || data.is_dir() {
            let file = File::open(&self.full).map_err(cannot_read)?;
            return Ok(Opened { input: Box::new(file), length: Some(data.len()) });
        }
        // A pipe is open only when somebody writes to it.
        let pipe = Pipe { path: self.full.clone(), file: None };
        let stream = Stream::new(pipe, Arc::clone(interrupt));
        Ok(Opened { input: Box::new(stream), length: None })
    }
}

/// A file that is opened when it is first read from.
struct Pipe {
    path: PathBuf,
    file: Option<File>,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path)?,
        };
        self.file.insert(file).read(into)
    }
}

fn refused(path: &Path, error: &ReadError) -> Failure {
    match error {
        ReadError::Input(error) => Failure::reading(path, error),
        ReadError::Capture(error) => Failure::new(format!("`{}`: {error}", path.display())),
    }
}

/// How far reading has come: of a pipe nobody knows how much is left.
fn bar(recordings: &[Recording<'_>], length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes} {bytes_per_sec}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(match recordings {
        [only] => only.path.display().to_string(),
        several => format!("{} captures", several.len()),
    });
    bar
}

/// What is known of a capture while it is read.
#[derive(Debug, Default)]
struct Watch {
    bytes: AtomicU64,
    is_interrupted: AtomicBool,
}

impl Watch {
    fn interrupted_at(&self) -> Option<u64> {
        let is_interrupted = self.is_interrupted.load(Ordering::SeqCst);
        is_interrupted.then(|| self.bytes.load(Ordering::SeqCst))
    }
}

/// A capture that ends when the user wants the run to end.
struct Watched<'w, R> {
    input: R,
    watch: &'w Watch,
    interrupt: &'w Interrupt,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = if self.interrupt.is_asked() { 0 } else { self.input.read(into)? };
        self.watch.bytes.fetch_add(u64::try_from(length).unwrap_or(0), Ordering::SeqCst);
        // A pipe that was waited for has not come to its end.
        if length == 0 && self.interrupt.is_asked() {
            self.watch.is_interrupted.store(true, Ordering::SeqCst);
        }
        Ok(length)
    }
}

/// Keeps nothing of a capture.
struct Nothing;

impl Sink for Nothing {
    fn flow(&mut self, _flow: CapturedFlow) {}

    fn answer(&mut self, _answer: DnsAnswer) {}
}
