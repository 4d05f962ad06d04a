//! Reading and writing files: bounded, and whole or not at all.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use rayon::prelude::*;

use super::failure::Failure;
use super::terminal::Terminal;
use super::threads;

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
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = if is_standard_stream(path) {
        (&mut *terminal.input).take(limit).read_to_end(&mut bytes)
    } else {
        File::open(terminal.path(path)).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::reading(path, &error))?;
    if bytes.len() > most {
        return Err(Failure::new(format!(
            "`{}` has more than {most} bytes, which is the most that is read",
            path.display()
        )));
    }
    Ok(bytes)
}

/// The text of `path`, at most `most` bytes of it.
pub(super) fn read_text(
    path: &Path,
    most: usize,
    terminal: &mut Terminal<'_>,
) -> Result<String, Failure> {
    let bytes = read(path, most, terminal)?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Failure::with_help(
            format!("`{}` is not UTF-8 text: byte {offset} fits no character", path.display()),
            "save it as UTF-8",
        )
    })
}

/// Puts `text` in place of the file at `path`: a reader sees the old text or the new one. A link
/// is followed, and the permissions of a file that is there are kept.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    write_beside(path, text).map_err(|error| Failure::writing(path, &error))
}

fn write_beside(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut beside = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    beside.write_all(text.as_bytes())?;
    if let Ok(existing) = fs::metadata(&target) {
        beside.as_file().set_permissions(existing.permissions())?;
    } else {
        share(beside.as_file())?;
    }
    beside.persist(&target)?;
    Ok(())
}

/// Gives a new file the permissions that programs give theirs; a temporary file is private.
#[cfg(unix)]
fn share(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Writes `files`, each a path relative to the folder `given` and a text: all of them or none. They
/// are prepared on as many threads as were `asked` for. The folder is made if it is not there; other
/// files in it are left alone.
pub(super) fn write_all(
    given: &Path,
    files: &[(String, String)],
    asked: Option<u16>,
    terminal: &Terminal<'_>,
) -> Result<(), Failure> {
    let folder = &terminal.path(given);
    let failed = |error: &io::Error| Failure::writing(given, error);
    if folder.is_file() {
        return Err(Failure::new(format!(
            "expected a folder, or a path at which to make one, found the file `{}`",
            given.display()
        )));
    }
    let was_there = folder.is_dir();
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    // In the order of `files`, whichever thread writes which.
    let staged: io::Result<Vec<(tempfile::NamedTempFile, PathBuf)>> = threads::run(asked, || {
        files.par_iter().map(|(name, text)| stage(folder, name, text)).collect()
    })?;
    let staged = match staged {
        Ok(staged) => staged,
        Err(error) => {
            if !was_there {
                // Only an empty folder can be removed, so nothing of anybody's is lost.
                let _ = fs::remove_dir(folder);
            }
            return Err(failed(&error));
        }
    };
    for (file, target) in staged {
        file.persist(&target).map_err(|error| failed(&error.error))?;
    }
    Ok(())
}

fn stage(folder: &Path, name: &str, text: &str) -> io::Result<(tempfile::NamedTempFile, PathBuf)> {
    let target = folder.join(name);
    if target.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            format!("`{name}` is a folder there"),
        ));
    }
    let within = target.parent().unwrap_or(folder);
    fs::create_dir_all(within)?;
    let mut file = tempfile::NamedTempFile::new_in(within)?;
    file.write_all(text.as_bytes())?;
    share(file.as_file())?;
    Ok((file, target))
}
