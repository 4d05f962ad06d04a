//! Reading and writing files: bounded, and whole or not at all.

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
use crate::emit::EmittedFile;

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
    let mut beside = new_beside(folder.unwrap_or(Path::new(".")), SHARED)?;
    beside.write_all(text.as_bytes())?;
    if let Ok(existing) = fs::metadata(&target) {
        beside.as_file().set_permissions(existing.permissions())?;
    }
    beside.persist(&target)?;
    Ok(())
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
/// left alone.
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
        let staged: io::Result<Vec<Staged>> =
            threads::run(asked, || files.par_iter().map(|file| stage(folder, file)).collect())?;
        staged.and_then(put_in_place).map_err(io)
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

/// A file that is written and not yet in its place.
struct Staged {
    file: NamedTempFile,
    target: PathBuf,
}

fn stage(folder: &Path, emitted: &EmittedFile) -> io::Result<Staged> {
    let target = folder.join(&emitted.path);
    if target.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            format!("`{}` is a folder there", emitted.path),
        ));
    }
    let mode = if emitted.is_script { SHARED_SCRIPT } else { SHARED };
    let mut file = new_beside(target.parent().unwrap_or(folder), mode)?;
    file.write_all(emitted.text.as_bytes())?;
    Ok(Staged { file, target })
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
        stage(folder, &file).unwrap()
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
}
