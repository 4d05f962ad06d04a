//! Reads `exeat.deployment/1` (`docs/deployment.md`).

use std::fmt;

use super::outline;
use super::outline::Fault;
use crate::azure::Deployment;
use crate::azure::document::Document;
use crate::azure::document::Place;

/// What some editors and shells of Windows write before UTF-8; it may be passed over (RFC 8259
/// §8.1).
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The longest text that is read, in bytes. A policy may have 60 groups of 2 MB
/// (`azure-firewall.md §6.1`).
pub const MAX_DOCUMENT_BYTES: usize = 128 << 20;

/// Repeated keys beyond this many are not listed.
const MAX_REPEATED: usize = 100;

/// Why a text is no deployment: one problem or several, in the order in which they were found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImportError {
    /// The problems; never empty.
    pub problems: Vec<ImportProblem>,
}

/// Something wrong in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImportProblem {
    /// The byte at which it stands, a byte order mark before the document not counted.
    pub offset: usize,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The place in the document; empty for the document itself and where it cannot be told.
    pub place: Place,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ImportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        if self.place == Place::default() { Ok(()) } else { write!(f, " (at `{}`)", self.place) }
    }
}

impl fmt::Display for ImportError {
    /// One problem a line, `line:column: message (at place)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ImportError {}

/// Reads a deployment. A byte order mark before it is passed over.
///
/// # Errors
/// A text that is too long, is no JSON, repeats a key, has an unknown or missing field or a value
/// out of range, or refers to what it does not hold. Problems of one sort come together: repeated
/// keys; the first field that does not fit; values; references.
pub fn read(text: &str) -> Result<Deployment, ImportError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.len() > MAX_DOCUMENT_BYTES {
        let message = format!(
            "expected at most {MAX_DOCUMENT_BYTES} bytes, found {}; split the deployment",
            text.len()
        );
        return Err(one(text, 0, Place::default(), message));
    }
    let walked = outline::repeated_keys(text, MAX_REPEATED);
    match &walked {
        Ok(repeated) if !repeated.is_empty() => {
            let problem = |repeated: &outline::Repeated| {
                let place = Place(repeated.path.clone());
                let message = "the key is there twice; keep one of them".to_owned();
                problem_at(text, repeated.at, place, message)
            };
            return Err(ImportError { problems: repeated.iter().map(problem).collect() });
        }
        Err(Fault::TooDeep(at)) => {
            let depth = outline::MAX_DEPTH;
            let message = format!("values are nested more than {depth} deep");
            return Err(one(text, *at, Place::default(), message));
        }
        // The reader below says in words what is wrong with the text.
        Ok(_) | Err(Fault::Malformed(_)) => {}
    }
    // A sequence of the values of all fields would do for a struct.
    let start = text.trim_start();
    if start.starts_with('[') {
        let message = "expected a deployment, an object in `exeat.deployment/1`, found an array";
        let at = text.len() - start.len();
        return Err(one(text, at, Place::default(), message.to_owned()));
    }
    let document: Document = serde_json::from_str(text).map_err(|error| of_serde(text, &error))?;
    if let Err(Fault::Malformed(at)) = walked {
        return Err(one(text, at, Place::default(), "this is no JSON".to_owned()));
    }
    Deployment::try_from(document).map_err(|problems| {
        let paths: Vec<_> = problems.iter().map(|problem| problem.place.0.as_slice()).collect();
        let offsets = outline::locate(text, &paths);
        let located = problems.iter().zip(offsets).map(|(problem, offset)| {
            problem_at(text, offset, problem.place.clone(), problem.message.clone())
        });
        ImportError { problems: located.collect() }
    })
}

/// The problem that `serde_json` names, at the key or value that has it.
fn of_serde(text: &str, error: &serde_json::Error) -> ImportError {
    let told = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let told = told.strip_suffix(&suffix).unwrap_or(&told);
    let message = if text.trim().is_empty() {
        "the file is empty; expected a deployment in `exeat.deployment/1`".to_owned()
    } else if error.is_eof() {
        format!("the file is cut short: {told}; give it whole")
    } else {
        told.to_owned()
    };
    let line_start: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let offset = (line_start + error.column()).saturating_sub(1);
    match outline::around(text, offset) {
        Some((path, bytes)) => one(text, bytes.start, Place(path), message),
        None => one(text, offset, Place::default(), message),
    }
}

fn one(text: &str, offset: usize, place: Place, message: String) -> ImportError {
    ImportError { problems: vec![problem_at(text, offset, place, message)] }
}

fn problem_at(text: &str, offset: usize, place: Place, message: String) -> ImportProblem {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ImportProblem { offset, line, column, place, message }
}
