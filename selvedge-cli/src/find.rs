//! Which programs there are, and which one is meant.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use selvedge::observe::inspect::{self, protocol::Hello};
use selvedge::thread;

use crate::client::{Connection, PATIENCE, Socket};
use crate::fault::Fault;
use crate::text::{clean, length, table};

/// How long a program may take to say its name.
const BRIEF: Duration = Duration::from_secs(2);

/// A socket, and who is behind it.
#[derive(Debug)]
struct Found {
    path: Socket,
    who: Who,
}

#[derive(Debug)]
enum Who {
    Program(Hello),
    /// Nobody: its program has ended without removing it.
    Stale,
    /// Somebody who does not answer as a program should.
    Silent(Fault),
}

/// Where programs open their sockets unless they are told a path.
pub(crate) fn folder() -> PathBuf {
    let named = env::var_os("SELVEDGE_INSPECT").map(PathBuf::from);
    named
        .filter(|path| path.is_dir())
        .unwrap_or_else(inspect::directory)
}

/// The programs that can be looked into, as a table.
pub(crate) fn ps() -> Result<String, Fault> {
    let folder = folder();
    let mut found = look(&folder)?;
    if found.is_empty() {
        return Ok(format!("{}\n", nobody(&folder)));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let head = ["PROGRAM", "PID", "AGE", "SOCKET"]
        .map(str::to_owned)
        .to_vec();
    let rows = found.iter().map(|found| {
        let path = clean(&found.path.display().to_string()).into_owned();
        match &found.who {
            Who::Program(hello) => vec![
                clean(&hello.program).into_owned(),
                hello.pid.to_string(),
                age(hello),
                path,
            ],
            Who::Stale => vec![
                "(stale: its program has ended)".to_owned(),
                "-".to_owned(),
                "-".to_owned(),
                path,
            ],
            Who::Silent(fault) => vec![
                format!("({})", clean(&fault.to_string())),
                "-".to_owned(),
                "-".to_owned(),
                path,
            ],
        }
    });
    Ok(table(
        &std::iter::once(head).chain(rows).collect::<Vec<_>>(),
    ))
}

fn nobody(folder: &Path) -> String {
    format!(
        "no program that can be looked into has a socket in `{}`; start one with SELVEDGE_INSPECT= before its name",
        folder.display()
    )
}

fn age(hello: &Hello) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    length(now.saturating_sub(hello.since_us))
}

/// Every socket in `folder`, all asked at the same time.
fn look(folder: &Path) -> Result<Vec<Found>, Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Fault::of(
                format_args!("cannot read `{}`", folder.display()),
                &error,
            ));
        }
    };
    let sockets: Vec<Socket> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket()))
        .collect();
    let found = thread::scope("sockets", |s| {
        let asking: Vec<_> = sockets
            .iter()
            .map(|path| s.spawn(&path.display().to_string(), move |_stop| Ok(who(path))))
            .collect();
        let mut found = Vec::new();
        for (asked, path) in asking.iter().zip(&sockets) {
            let (path, who) = (path.clone(), asked.join()?);
            found.push(Found { path, who });
        }
        Ok(found)
    });
    found.map_err(|_| Fault::Stopped) // those threads cannot fail
}

fn who(path: &Path) -> Who {
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Who::Stale,
        Err(_) | Ok(_) => {}
    }
    match Connection::open(path, BRIEF) {
        Ok(connection) => Who::Program(connection.hello().clone()),
        Err(fault) => Who::Silent(fault),
    }
}

/// Connects to the program that is meant.
pub(crate) fn connect(wanted: Option<&str>) -> Result<Connection, Fault> {
    Connection::open(&choose(wanted)?, PATIENCE)
}

fn choose(wanted: Option<&str>) -> Result<Socket, Fault> {
    if let Some(path) = wanted.filter(|it| it.contains('/')) {
        return Ok(PathBuf::from(path));
    }
    let folder = folder();
    let programs = look(&folder)?
        .into_iter()
        .filter_map(|found| match found.who {
            Who::Program(hello) => Some((found.path, hello)),
            Who::Stale | Who::Silent(_) => None,
        });
    let programs: Vec<_> = programs.collect();
    let is_meant = |hello: &Hello| {
        wanted.is_none_or(|wanted| hello.program == wanted || hello.pid.to_string() == wanted)
    };
    let meant: Vec<_> = programs
        .iter()
        .filter(|(_, hello)| is_meant(hello))
        .collect();
    match (meant.as_slice(), wanted) {
        ([(path, _)], _) => Ok(path.clone()),
        ([], _) if programs.is_empty() => Err(Fault::misused(nobody(&folder))),
        ([], wanted) => Err(Fault::misused(format_args!(
            "there is no program `{}`; there is {}",
            wanted.unwrap_or_default(),
            listed(programs.iter())
        ))),
        (several, Some(wanted)) => Err(Fault::misused(format_args!(
            "there are several programs `{wanted}`: {}; name one by its process number",
            listed(several.iter().copied())
        ))),
        (several, None) => Err(Fault::misused(format_args!(
            "there are several programs: {}; name one, or its process number",
            listed(several.iter().copied())
        ))),
    }
}

fn listed<'f>(programs: impl Iterator<Item = &'f (Socket, Hello)>) -> String {
    let mut names: Vec<_> = programs
        .map(|(_, hello)| format!("`{}` ({})", clean(&hello.program), hello.pid))
        .collect();
    names.sort();
    names.join(", ")
}
