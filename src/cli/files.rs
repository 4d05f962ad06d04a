//! Reading and writing files: bounded, and whole or not at all.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use rayon::prelude::*;
use tempfile::NamedTempFile;

use super::failure::Failure;
use super::terminal::Terminal;
use super::threads;
use crate::capture::kind_of_file;
use crate::diagnostic::MAX_SOURCE_BYTES;
use crate::emit::EmittedFile;

/// What some editors and shells of Windows write before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How gzip begins (RFC 1952 §2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Whether `path` is `-`, which stands for standard input or output.
pub(super) fn is_standard_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes of `path`, at most `most` of them.
pub(super) fn read(
    path: &Path,
    most: usize,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<u8>, Failure> {
    bytes(path, most, terminal).map_err(|error| Failure::reading(path, &error))
}

/// The bytes of the rules file at `path`, or of a file that it names.
pub(super) fn read_source(path: &Path, terminal: &mut Terminal<'_>) -> Result<Vec<u8>, Failure> {
    source(path, terminal).map_err(|error| Failure::reading(path, &error))
}

/// The same, for who says where the file is named. The error is of the kind `InvalidData` where the
/// file is found and is not one to read.
pub(super) fn source(path: &Path, terminal: &mut Terminal<'_>) -> io::Result<Vec<u8>> {
    bytes(path, MAX_SOURCE_BYTES, terminal).and_then(of_text)
}

/// The text of `path`, at most `most` bytes of it, without a byte order mark before it.
pub(super) fn read_text(
    path: &Path,
    most: usize,
    terminal: &mut Terminal<'_>,
) -> Result<String, Failure> {
    let bytes = bytes(path, most, terminal).and_then(of_text);
    let bytes = bytes.map_err(|error| Failure::reading(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Failure::with_help(
            format!("`{}` is not UTF-8 text: byte {offset} fits no character", path.display()),
            "save it as UTF-8",
        )
    })?;
    match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

/// The text of `path`, as [`read_text`], or the bytes of a gzip file, for who unpacks them.
pub(super) fn read_text_or_gzip(
    path: &Path,
    most: usize,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<u8>, Failure> {
    let bytes = read(path, most, terminal)?;
    if bytes.starts_with(GZIP) {
        return Ok(bytes);
    }
    let bytes = of_text(bytes).map_err(|error| Failure::reading(path, &error))?;
    let mark = BYTE_ORDER_MARK.to_string();
    match bytes.strip_prefix(mark.as_bytes()) {
        Some(rest) => Ok(rest.to_vec()),
        None => Ok(bytes),
    }
}

/// Standard input, which can be read once: whoever comes second would take it to be empty.
pub(super) fn standard_input<'i>(
    input: &mut Option<&'i mut (dyn io::Read + Send)>,
) -> io::Result<&'i mut (dyn io::Read + Send)> {
    input.take().ok_or_else(|| {
        unreadable("standard input was read already, and can be read once; name a file".to_owned())
    })
}

fn bytes(path: &Path, most: usize, terminal: &mut Terminal<'_>) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if is_standard_stream(path) {
        standard_input(&mut terminal.input)?.take(limit).read_to_end(&mut bytes)?;
    } else {
        let full = terminal.path(path);
        File::open(&full)?.take(limit).read_to_end(&mut bytes)?;
        terminal.inputs.extend(full.canonicalize());
    }
    if bytes.len() > most {
        if !bytes.starts_with(GZIP) {
            refuse_binary(&bytes)?;
        }
        return Err(unreadable(format!(
            "it has more than {most} bytes, which is the most that is read"
        )));
    }
    Ok(bytes)
}

/// `bytes`, unless they are no text, as far as it shows without decoding them: a byte that fits no
/// character of UTF-8 is told by who makes text of them. What is no text is refused as a whole: a
/// parser would object to its first character, and then to what is missing behind it.
fn of_text(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    refuse_binary(&bytes)?;
    // Encodings of two bytes a character, as some editors of Windows write them.
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(unreadable("it is UTF-16 text; save it as UTF-8".to_owned()));
    }
    // As `git` and `grep` tell text from the rest.
    let Some(offset) = bytes.iter().position(|byte| *byte == 0) else { return Ok(bytes) };
    let before = bytes.get(..offset).unwrap_or_default();
    let line = before.split(|byte| *byte == b'\n').count();
    Err(unreadable(format!(
        "it is not text: byte {offset}, on line {line}, is NUL; if it is UTF-16, save it as UTF-8"
    )))
}

/// Refuses what is known to be no text by how it begins.
fn refuse_binary(bytes: &[u8]) -> io::Result<()> {
    let Some(found) = kind_of_file(bytes) else { return Ok(()) };
    Err(unreadable(format!(
        "it is {found}, and text is expected; a capture is given with `--capture`, or to `exeat flows`"
    )))
}

fn unreadable(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Puts `content` in place of the file at `path`: a reader sees the old content or the new one.
/// Links that lead to it and its permissions stay as they are.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let put = stage(path, content, SHARED).and_then(|Staged { file, target }| {
        file.persist(&target)?;
        Ok(())
    });
    put.map_err(|error| Failure::writing(path, &error))
}

/// Refuses a `path` that [`replace`] would refuse, before anything is done for it.
pub(super) fn may_replace(path: &Path) -> Result<(), Failure> {
    behind_links(path).map(drop).map_err(|error| Failure::writing(path, &error))
}

/// Refuses a `path` to write a result to that was read for it.
pub(super) fn is_no_input(path: &Path, terminal: &Terminal<'_>) -> Result<(), Failure> {
    match terminal.path(path).canonicalize() {
        Ok(place) if terminal.inputs.contains(&place) => Err(Failure::with_help(
            format!("`{}` is one of the files that were read", path.display()),
            "name another file to write to",
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What is written and not yet in its place.
struct Staged {
    file: NamedTempFile,
    /// Never a link, and on the file system of `file`.
    target: PathBuf,
}

/// Writes `content` beside the place that a write to `path` goes to. The permissions of a file that
/// stands there are kept; a new file has those of `mode`.
fn stage(path: &Path, content: &[u8], mode: u32) -> io::Result<Staged> {
    let target = behind_links(path)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = new_beside(folder.unwrap_or(Path::new(".")), mode)?;
    file.write_all(content)?;
    if let Ok(existing) = fs::metadata(&target) {
        file.as_file().set_permissions(existing.permissions())?;
    }
    Ok(Staged { file, target })
}

/// The place that a write to `path` goes to: what a link leads to, so that the link stays.
///
/// A link to nothing is refused, as `cp` does: an editor would make a file at a place that nobody
/// has looked at. So is a device or a pipe, which a file would replace, and a file that its owner
/// has closed to writing, which the folder alone would let be replaced.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let refuse = |what: &str| {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` {what}", path.display())))
    };
    match fs::canonicalize(path) {
        Ok(target) => {
            let metadata = fs::metadata(&target)?;
            if !metadata.is_file() {
                refuse("is no plain file")
            } else if is_read_only(&metadata) {
                refuse("is read-only; make it writable")
            } else {
                Ok(target)
            }
        }
        Err(_) if path.is_symlink() => refuse("is a link that leads to no file; remove it"),
        Err(_) => Ok(path.to_owned()),
    }
}

#[cfg(unix)]
fn is_read_only(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const OWNER_WRITES: u32 = 0o200;
    metadata.permissions().mode() & OWNER_WRITES == 0
}

#[cfg(not(unix))]
fn is_read_only(metadata: &fs::Metadata) -> bool {
    metadata.permissions().readonly()
}

/// The permissions that programs ask for where they make a file, and a script; the user's mask
/// takes its part away. A temporary file would be private.
const SHARED: u32 = 0o666;
const SHARED_SCRIPT: u32 = 0o777;

/// A new file in `folder`, removed unless it is put in place.
#[cfg(unix)]
fn new_beside(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(mode)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_beside(folder: &Path, _mode: u32) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

/// Writes `files` below the folder `given`: all of them or none. They are prepared on as many
/// threads as were `asked` for. Folders are made where they are not there; other files in them are
/// left alone, and what stands in the place of one is replaced as by [`replace`].
pub(super) fn write_all(
    given: &Path,
    files: &[EmittedFile],
    asked: Option<u16>,
    terminal: &Terminal<'_>,
) -> Result<(), Failure> {
    let folder = &terminal.path(given);
    if folder.is_file() {
        return Err(Failure::new(format!(
            "expected a folder, or a path at which to make one, found the file `{}`",
            given.display()
        )));
    }
    let mut made = Vec::new();
    let io = |error: io::Error| Failure::writing(given, &error);
    let written = make_folders_of(folder, files, &mut made).map_err(io).and_then(|()| {
        // In the order of `files`, whichever thread writes which.
        let staged: io::Result<Vec<Staged>> = threads::run(asked, || {
            files.par_iter().map(|file| stage_within(folder, file)).collect()
        })?;
        staged.and_then(apart).and_then(put_in_place).map_err(io)
    });
    if written.is_err() {
        for folder in made.iter().rev() {
            // Only an empty folder can be removed, so nothing of anybody's is lost.
            let _ = fs::remove_dir(folder);
        }
    }
    written
}

/// Makes the folders that `files` lie in, and notes in `made` those that were not there, the outer
/// before the inner.
fn make_folders_of(
    folder: &Path,
    files: &[EmittedFile],
    made: &mut Vec<PathBuf>,
) -> io::Result<()> {
    make_folders(folder, made)?;
    for file in files {
        if let Some(within) = folder.join(&file.path).parent() {
            make_folders(within, made)?;
        }
    }
    Ok(())
}

fn make_folders(folder: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        made.push(folder.to_owned());
    }
    Ok(())
}

fn stage_within(folder: &Path, emitted: &EmittedFile) -> io::Result<Staged> {
    let path = folder.join(&emitted.path);
    if path.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            format!("`{}` is a folder there", emitted.path),
        ));
    }
    stage(&path, emitted.text.as_bytes(), if emitted.is_script { SHARED_SCRIPT } else { SHARED })
}

/// Refuses two files that links make one, as the second would be written over the first.
fn apart(all: Vec<Staged>) -> io::Result<Vec<Staged>> {
    let mut seen = BTreeSet::new();
    match all.iter().find(|staged| !seen.insert(&staged.target)) {
        None => Ok(all),
        Some(Staged { target, .. }) => {
            let says = format!("two files would be written to `{}`", target.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, says))
        }
    }
}

/// Puts all files in their places. If one cannot be, those before it are taken back, and what was
/// there before is there again; a file system has no way to rename several files at once, so a
/// program that is killed here leaves some of each.
fn put_in_place(all: Vec<Staged>) -> io::Result<()> {
    let mut done: Vec<(PathBuf, Option<NamedTempFile<()>>)> = Vec::new();
    for Staged { file, target } in all {
        let placed = keep_old(&target).and_then(|old| {
            file.persist(&target)?;
            Ok(old)
        });
        match placed {
            Ok(old) => done.push((target, old)),
            Err(error) => {
                take_back(done);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// A second name for the file at `target`, if there is one, under which it can be put back.
fn keep_old(target: &Path) -> io::Result<Option<NamedTempFile<()>>> {
    if fs::symlink_metadata(target).is_err() {
        return Ok(None);
    }
    let folder = target.parent().unwrap_or(Path::new("."));
    let link = |path: &Path| fs::hard_link(target, path);
    // Some file systems have no hard links.
    let copy = |path: &Path| fs::copy(target, path).map(drop);
    let builder = tempfile::Builder::new();
    builder.make_in(folder, link).or_else(|_| builder.make_in(folder, copy)).map(Some)
}

fn take_back(done: Vec<(PathBuf, Option<NamedTempFile<()>>)>) {
    for (target, old) in done.into_iter().rev() {
        // The failure that is told is the one that led here.
        let _ = match old {
            Some(old) => old.persist(&target).map(drop).map_err(io::Error::from),
            None => fs::remove_file(&target),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(folder: &Path, name: &str) -> Staged {
        let file = EmittedFile { path: name.to_owned(), text: "new".to_owned(), is_script: false };
        stage_within(folder, &file).unwrap()
    }

    #[test]
    fn a_file_that_cannot_be_placed_takes_those_before_it_back() {
        let sandbox = tempfile::tempdir().unwrap();
        let folder = sandbox.path();
        fs::write(folder.join("a"), "old").unwrap();
        let all = ["a", "b", "c", "d"].map(|name| staged(folder, name));
        fs::create_dir(folder.join("c")).unwrap();
        put_in_place(all.into()).unwrap_err();
        let mut left: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a", "c"]);
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "old");
    }

    /// What is behind the link is put back, and the link is not touched.
    #[cfg(unix)]
    #[test]
    fn a_file_that_cannot_be_placed_leaves_links_and_what_they_lead_to() {
        use std::os::unix::fs::PermissionsExt as _;
        let sandbox = tempfile::tempdir().unwrap();
        let folder = sandbox.path();
        let kept = folder.join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("a"), "old").unwrap();
        fs::set_permissions(kept.join("a"), fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("kept/a", folder.join("a")).unwrap();
        let all = ["a", "b", "c"].map(|name| staged(folder, name));
        fs::create_dir(folder.join("c")).unwrap();
        put_in_place(all.into()).unwrap_err();
        assert_eq!(fs::read_link(folder.join("a")).unwrap(), Path::new("kept/a"));
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "old");
        assert_eq!(fs::metadata(kept.join("a")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 1);
        assert!(!folder.join("b").exists());
    }
}
