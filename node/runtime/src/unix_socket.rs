//! Listening by a file.
//!
//! A unix socket is a bell with a file for a button. The kernel forgets the bell when its owner dies, but the button stays on the wall, and
//! whoever presses it gets nothing. So before a new bell is hung, the old button is pressed once: if nobody answers it is taken down, and if somebody
//! does, that is an error and no button is touched.
//!
//! Who may press is a matter of the file's mode. It is set between binding and listening: until then nobody gets through at all, so there is no
//! moment at which strangers do.
//!
//! The catch: the file at the end may be another's. Somebody may have moved ours away and hung a bell of his own; so only the file that was made
//! here is removed, which its inode tells. Two processes that start on one path at the same moment may still take it from each other; a
//! node's data directory, which only one process may use, is what keeps them apart.

use rustix::fs::{Stat, stat};
use socket2::{Domain, SockAddr, Socket, Type};
use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why there is no listening at a path.
#[derive(Debug, Error)]
pub enum UnixSocketError {
    /// Another process answers there.
    #[error("{path}: another process listens there")]
    Taken {
        /// Where.
        path: PathBuf,
    },
    /// There is something else.
    #[error("{path}: there is a file that is no socket; it is left alone")]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
    /// The operating system says no.
    #[error("{path}: {step}: {source}")]
    Failed {
        /// Where.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

/// The file of a socket, removed when this is dropped.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    made: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = stat(&self.path).is_ok_and(|now| identity(&now) == self.made);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a socket's file stays behind");
        }
    }
}

/// Listens at a path, with a file of this mode.
///
/// # Errors
/// [`UnixSocketError`] says what stands in the way.
pub fn bind_unix(
    path: &Path,
    mode: u32,
    backlog: u32,
) -> Result<(UnixListener, SocketFile), UnixSocketError> {
    clear(path)?;
    let failed = |step| {
        move |source: io::Error| UnixSocketError::Failed {
            path: path.to_owned(),
            step,
            source,
        }
    };
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed("making a socket"))?;
    let address = SockAddr::unix(path).map_err(failed("naming a socket"))?;
    socket.bind(&address).map_err(failed("binding a socket"))?;
    let made = stat(path).map_err(|error| failed("looking at the socket")(error.into()))?;
    let file = SocketFile {
        path: path.to_owned(),
        made: identity(&made),
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed("setting its mode"))?;
    socket.set_nonblocking(true).map_err(failed("listening"))?;
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    socket.listen(backlog).map_err(failed("listening"))?;
    Ok((UnixListener::from(socket), file))
}

fn identity(file: &Stat) -> (u64, u64) {
    (file.st_dev, file.st_ino)
}

/// Makes sure that nothing is at the path but what a dead process left.
fn clear(path: &Path) -> Result<(), UnixSocketError> {
    let failed = |step, source| UnixSocketError::Failed {
        path: path.to_owned(),
        step,
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("looking what is there", error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(UnixSocketError::NoSocket {
                path: path.to_owned(),
            });
        }
        Ok(_) => {}
    }
    match press(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "the socket of a process that is gone is replaced");
            fs::remove_file(path)
                .map_err(|source| failed("removing the socket of a process that is gone", source))
        }
        Ok(()) => Err(UnixSocketError::Taken {
            path: path.to_owned(),
        }),
        // Somebody's queue is full.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(UnixSocketError::Taken {
            path: path.to_owned(),
        }),
        Err(error) => Err(failed("asking who listens there", error)),
    }
}

/// Calls without waiting.
fn press(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn here() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("t.sock");
        (directory, path)
    }

    #[test]
    fn the_file_has_the_mode_asked_for_and_goes_with_the_listener() {
        let (_directory, path) = here();
        let (_listener, file) = bind_unix(&path, 0o640, 16).expect("a socket");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        UnixStream::connect(&path).expect("somebody listens");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_process_left_is_replaced() {
        let (_directory, path) = here();
        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists());
        let _bound = bind_unix(&path, 0o600, 16).expect("its place");
        UnixStream::connect(&path).expect("somebody listens");
    }

    #[test]
    fn a_socket_that_is_answered_is_left_alone() {
        let (_directory, path) = here();
        let _listener = UnixListener::bind(&path).expect("a socket");
        let refused = bind_unix(&path, 0o600, 16).expect_err("it is taken");
        assert!(matches!(refused, UnixSocketError::Taken { .. }), "{refused}");
        UnixStream::connect(&path).expect("the other still listens");
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let (_directory, path) = here();
        fs::write(&path, "letters").expect("a file");
        let refused = bind_unix(&path, 0o600, 16).expect_err("no place");
        assert!(matches!(refused, UnixSocketError::NoSocket { .. }), "{refused}");
        assert_eq!(fs::read_to_string(&path).expect("the file"), "letters");
    }

    #[test]
    fn the_file_of_a_successor_is_not_removed() {
        let (_directory, path) = here();
        let (_listener, file) = bind_unix(&path, 0o600, 16).expect("a socket");
        fs::rename(&path, path.with_extension("old")).expect("moved away");
        let _successor = UnixListener::bind(&path).expect("another socket");
        drop(file);
        UnixStream::connect(&path).expect("the successor listens");
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_with_the_path() {
        let (_directory, path) = here();
        let refused = bind_unix(&path.join("below"), 0o600, 16).expect_err("no place");
        assert!(refused.to_string().contains("t.sock/below"), "{refused}");
    }
}
