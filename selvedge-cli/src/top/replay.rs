//! A recording in the place of the program.

use std::path::Path;
use std::time::{Duration, Instant};

use selvedge::observe::inspect::protocol::{Answer, Body};
use selvedge::sync::Queue;
use selvedge::{Signal, Till};

use crate::fault::Fault;
use crate::recording::Recording;
use crate::top::model::{Action, Model, Position};
use crate::top::screen::{Screen, Source, in_scope, show};

/// The longest pause between two pictures, however long it was.
const LONGEST: Duration = Duration::from_secs(5);

/// Plays a file until the user leaves.
pub(crate) fn run(file: &Path) -> Result<(), Fault> {
    let recording = Recording::open(file)?;
    let mut screen = Screen::open("a recording is lines of JSON, which other tools can read")?;
    let mut model = Model::new(recording.hello.clone());
    let mut player = Player::new(recording);
    player.seek(0, &mut model);
    let messages = Queue::named("keys", 64);
    in_scope(&messages, |_s| {
        show(&mut screen, &messages, &mut model, &mut player)
    })
}

/// So many pictures are gone through again when it is wound back, for what happened between them.
const BEFORE: usize = 50;

/// A recording, and where it is played.
#[derive(Debug)]
pub(super) struct Player {
    recording: Recording,
    at: usize,
    speed: f64,
    /// When the next picture is due.
    next: Option<Instant>,
}

impl Player {
    pub(super) fn new(recording: Recording) -> Self {
        Self {
            recording,
            at: 0,
            speed: 1.0,
            next: None,
        }
    }

    /// Shows a picture, and what has happened up to it.
    pub(super) fn seek(&mut self, to: usize, model: &mut Model) {
        let Recording {
            pictures, answers, ..
        } = &self.recording;
        let to = to.min(pictures.len() - 1); // a recording has one
        // Held while it is searched: what is to be seen is to be seen now.
        let held = std::mem::replace(&mut model.held, false);
        let begin = match to > self.at {
            true => pictures[self.at] + 1,
            false => {
                model.rewind();
                // Shares of the processor need the picture before it, and what happened some more.
                pictures[to.saturating_sub(BEFORE)]
            }
        };
        for answer in &answers[begin..=pictures[to]] {
            model.hear(answer.clone());
        }
        model.held = held;
        self.at = to;
        self.tell(model);
    }

    /// Says where it is, and plans when to go on.
    fn tell(&mut self, model: &mut Model) {
        let (at, of) = (self.at, self.recording.pictures.len());
        model.replay = Some(Position {
            at,
            of,
            speed: self.speed,
        });
        self.plan();
    }

    /// When the next picture is due.
    fn plan(&mut self) {
        let moment = |at: usize| match self
            .recording
            .pictures
            .get(at)
            .map(|at| &self.recording.answers[*at])
        {
            Some(Answer {
                body: Body::Snapshot(picture),
                ..
            }) => Some(picture.at_us),
            _ => None,
        };
        let pause = moment(self.at).zip(moment(self.at + 1)).map(|(now, next)| {
            let pause = Duration::from_micros(next.saturating_sub(now)).min(LONGEST);
            pause.div_f64(self.speed)
        });
        self.next = pause.map(|pause| Instant::now() + pause);
    }
}

impl Source for Player {
    fn act(&mut self, action: Action, model: &mut Model) -> Result<(), Fault> {
        match action {
            Action::Step(by) => self.seek(self.at.saturating_add_signed(by), model),
            Action::Seek(to) => self.seek(to, model),
            Action::Speed(speed) => {
                self.speed = speed;
                self.tell(model);
            }
            Action::Quit | Action::Send(_) | Action::End(_) | Action::Record => {}
        }
        Ok(())
    }

    fn heard(&mut self, _: &Answer, _: &mut Model) -> Result<(), Fault> {
        Ok(())
    }

    fn due(&self) -> Signal {
        self.next.map_or_else(Signal::never, Till::at)
    }

    fn proceed(&mut self, model: &mut Model) {
        match model.held {
            true => self.plan(),
            false => self.seek(self.at + 1, model),
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge::observe::inspect::protocol::{Answer, Body, Hello};

    use super::{Action, Model, Player, Recording, Source};

    /// Two pictures; in between a call and the list of open functions.
    fn recording() -> Recording {
        let picture = |at| {
            format!(
                r#"{{"snapshot":{{"at_us":{at},"threads":[],"signals":[],"queues":[],"locks":[],"warnings":[]}}}}"#
            )
        };
        let call = r#"{"call":{"at_us":5,"thread":"a","number":1,"depth":0,"function":"f","moment":"called","text":"f()"}}"#;
        let functions = r#"{"calls":[{"function":"f","at":"a.rs:1:1","armed":1,"watched":1}]}"#;
        let bodies = [
            picture(1),
            call.to_owned(),
            functions.to_owned(),
            picture(9),
        ];
        let answers =
            bodies.map(|body| Answer::parse(&format!(r#"{{"id":1,"is":{body}}}"#)).unwrap());
        assert!(answers.iter().all(|it| it.body != Body::Unknown));
        Recording {
            hello: Hello::default(),
            answers: answers.to_vec(),
            pictures: vec![0, 3],
        }
    }

    #[test]
    fn calls_come_and_go_with_where_it_is_played() {
        let mut player = Player::new(recording());
        let mut model = Model::new(Hello::default());
        let mut go = |player: &mut Player, by| {
            player.act(Action::Step(by), &mut model).unwrap();
            (model.calls.len(), model.functions.len())
        };
        assert_eq!(go(&mut player, 0), (0, 0));
        assert_eq!(go(&mut player, 1), (1, 1));
        assert_eq!(go(&mut player, -1), (0, 0), "wound back");
        assert_eq!(
            go(&mut player, 1),
            (1, 1),
            "once, however often it is played"
        );
    }
}
