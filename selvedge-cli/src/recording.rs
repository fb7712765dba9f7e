//! A file of answers: lines of the protocol, the first of which says whose they are.
//!
//! # Invariants
//!
//! 1. Every line is an [`Answer`]: a `hello` first, then those of one `record`, and of what else was asked meanwhile:
//!    open functions, and calls that were watched. So a recording is made by any client that writes down what it hears,
//!    and answers that this version does not know are passed over.
//! 2. A file whose last line is cut, because the disk was full or the machine went down, is good up to there.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use selvedge::observe::inspect::protocol::{Answer, Body, Hello};

use crate::fault::Fault;

/// The longest recording that is played: all of it is kept in memory.
const LONGEST: u64 = 2 * 1024 * 1024 * 1024;

/// A recording that is being made.
#[derive(Debug)]
pub struct Recorder {
    out: BufWriter<File>,
    path: PathBuf,
    /// How many snapshots it has.
    pub(crate) n: usize,
}

impl Recorder {
    /// Begins a new file.
    ///
    /// # Errors
    ///
    /// If there is one already, or it cannot be written.
    pub fn create(path: &Path, hello: &Hello) -> Result<Self, Fault> {
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Fault::misused(format_args!(
                "`{}` is there already; remove it, or name another file",
                path.display()
            )),
            _ => Fault::of(format_args!("cannot write `{}`", path.display()), &error),
        })?;
        let mut recorder = Self {
            out: BufWriter::new(file),
            path: path.to_owned(),
            n: 0,
        };
        recorder.write(&Answer {
            id: 0,
            body: Body::Hello(hello.clone()),
        })?;
        Ok(recorder)
    }

    /// Adds an answer, if it belongs into a recording.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn write(&mut self, answer: &Answer) -> Result<(), Fault> {
        let is_picture = matches!(answer.body, Body::Snapshot(_));
        let belongs = matches!(
            answer.body,
            Body::Hello(_) | Body::Happened(_) | Body::Calls(_) | Body::Call(_)
        );
        if !is_picture && !belongs {
            return Ok(());
        }
        self.n += usize::from(is_picture);
        let written = self.out.write_all(answer.line().as_bytes());
        // What was seen is there, whatever happens next.
        let written = written.and_then(|()| if is_picture { self.out.flush() } else { Ok(()) });
        written.map_err(|error| self.fault(&error))
    }

    /// Writes what is left.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn finish(mut self) -> Result<usize, Fault> {
        self.out.flush().map_err(|error| self.fault(&error))?;
        Ok(self.n)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn fault(&self, error: &io::Error) -> Fault {
        Fault::of(
            format_args!("cannot write `{}`", self.path.display()),
            error,
        )
    }
}

/// A recording that was made.
#[derive(Debug)]
pub struct Recording {
    pub(crate) hello: Hello,
    /// In the order in which they were heard.
    pub(crate) answers: Vec<Answer>,
    /// Where in `answers` the snapshots are.
    pub(crate) pictures: Vec<usize>,
}

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no recording, or has no snapshot.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let at = path.display();
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Fault::misused(format_args!("there is no file `{at}`")),
            _ => Fault::of(format_args!("cannot read `{at}`"), &error),
        })?;
        Self::read(BufReader::new(file.take(LONGEST)))
            .map_err(|why| Fault::failed(format_args!("`{at}` is no recording of selvedge: {why}")))
    }

    fn read(mut lines: impl BufRead) -> Result<Self, String> {
        let mut next = |n: usize| -> Result<Option<Result<Answer, String>>, String> {
            let mut line = Vec::new();
            let read = lines
                .read_until(b'\n', &mut line)
                .map_err(|error| error.to_string())?;
            let answer = || Answer::parse(&String::from_utf8_lossy(&line));
            Ok(match (read, line.last()) {
                (0, _) => None,
                (_, Some(b'\n')) => Some(answer().map_err(|error| format!("line {n}: {error}"))),
                _ => answer().ok().map(Ok), // invariant 2
            })
        };
        let Some(Ok(Answer {
            body: Body::Hello(hello),
            ..
        })) = next(1)?
        else {
            return Err("its first line does not say which program it is of".to_owned());
        };
        let (mut answers, mut pictures) = (Vec::new(), Vec::new());
        while let Some(answer) = next(answers.len() + 2)? {
            let answer = answer?;
            if let Body::Snapshot(_) = answer.body {
                pictures.push(answers.len());
            }
            answers.push(answer);
        }
        match pictures.is_empty() {
            true => Err("it has no snapshot".to_owned()),
            false => Ok(Self {
                hello,
                answers,
                pictures,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Recording;

    const HELLO: &str = r#"{"id":0,"is":{"hello":{"protocol":1,"selvedge":"0.1.0","program":"app","pid":7,"since_us":0}}}"#;
    const PICTURE: &str = r#"{"id":1,"is":{"snapshot":{"at_us":5,"threads":[],"signals":[],"queues":[],"locks":[],"warnings":[]}}}"#;

    #[test]
    fn a_recording_that_was_cut_is_good_up_to_there() {
        let text = format!("{HELLO}\n{PICTURE}\n{}", &PICTURE[..30]);
        let recording = Recording::read(text.as_bytes()).unwrap();
        assert_eq!(recording.hello.program, "app");
        assert_eq!(recording.pictures, [0]);
    }

    #[test]
    fn news_of_later_versions_are_passed_over() {
        let text = format!("{HELLO}\n{{\"id\":1,\"is\":{{\"weather\":3}}}}\n{PICTURE}\n");
        let recording = Recording::read(text.as_bytes()).unwrap();
        assert_eq!(recording.pictures, [1]);
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        for (text, why) in [
            ("", "first line"),
            ("{}\n", "first line"),
            (PICTURE, "first line"),
            (&format!("{HELLO}\n"), "no snapshot"),
            (&format!("{HELLO}\nnonsense\n{PICTURE}\n"), "line 2"),
        ] {
            let error = Recording::read(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
