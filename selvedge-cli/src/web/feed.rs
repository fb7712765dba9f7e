//! What the browsers are told: the latest picture, and what happened since.
//!
//! # Invariants
//!
//! 1. What is kept is one picture and [`KEPT`] events, however slow a browser is. One that is further behind than that
//!    is told how much it has missed.
//! 2. The number of an event is that of its place among all events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use selvedge::observe::inspect::protocol::{Answer, Body};
use selvedge::signal::WaitError;
use selvedge::sync::Lock;
use selvedge::{Stopped, Till};

/// How many events are kept for a browser that is slow, or comes late.
const KEPT: usize = 1_000;
/// How often a browser is sent something, so that one that has gone is noticed.
const PULSE: Duration = Duration::from_secs(10);

/// What is told.
#[derive(Debug)]
pub(super) struct Feed(Lock<State>);

#[derive(Debug, Default)]
struct State {
    picture: Option<Arc<str>>,
    n_pictures: u64,
    events: VecDeque<Arc<str>>,
    n_events: u64,
    ended: Option<Arc<str>>,
}

/// What a browser has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    n_pictures: u64,
    n_events: u64,
    ended: bool,
}

impl Told {
    /// One that has been told so many events, as it says: it was here before.
    pub(super) fn up_to(n_events: u64) -> Self {
        Self {
            n_events,
            ..Self::default()
        }
    }
}

impl Feed {
    pub(super) fn new() -> Self {
        Self(Lock::named("feed", State::default()))
    }

    /// Takes what the program says.
    pub(super) fn hear(&self, answer: &Answer) {
        let line: Arc<str> = Arc::from(answer.line().trim_end());
        let mut state = self.0.enter();
        match &answer.body {
            Body::Snapshot(_) => {
                state.picture = Some(line);
                state.n_pictures += 1;
            }
            Body::Call(_)
            | Body::Happened(_)
            | Body::Error(_)
            | Body::Began
            | Body::Ended { .. } => {
                if state.events.len() == KEPT {
                    state.events.pop_front();
                }
                state.events.push_back(line);
                state.n_events += 1;
            }
            _ => {}
        }
    }

    /// Nothing more will come.
    pub(super) fn end(&self, why: &str) {
        let why = serde_json::Value::String(why.to_owned()).to_string();
        self.0.enter().ended = Some(Arc::from(why));
    }

    /// What a browser does not know yet, in the form of server-sent events; waits until there is something.
    pub(super) fn news(&self, told: &mut Told) -> Result<String, Stopped> {
        let till = Till::after(PULSE);
        let mut state = self.0.enter();
        loop {
            let news = state.since(told);
            if !news.is_empty() {
                return Ok(news);
            }
            match state.wait_until(&till) {
                Ok(()) => {}
                Err(WaitError::Expired) => return Ok(":\n\n".to_owned()), // a comment
                Err(WaitError::Stopped(stopped)) => return Err(stopped),
            }
        }
    }
}

impl State {
    fn since(&self, told: &mut Told) -> String {
        let mut text = String::new();
        let first = self.n_events - self.events.len() as u64; // invariant 2
        told.n_events = told.n_events.min(self.n_events);
        if told.n_events < first {
            if told.n_events > 0 {
                text += &format!("event: missed\ndata: {}\n\n", first - told.n_events);
            }
            told.n_events = first;
        }
        let old = usize::try_from(told.n_events - first).unwrap_or(usize::MAX);
        for event in self.events.iter().skip(old) {
            told.n_events += 1;
            text += &format!("id: {}\ndata: {event}\n\n", told.n_events);
        }
        if let Some(picture) = self
            .picture
            .as_ref()
            .filter(|_| told.n_pictures < self.n_pictures)
        {
            text += &format!("data: {picture}\n\n");
            told.n_pictures = self.n_pictures;
        }
        if let Some(why) = self.ended.as_ref().filter(|_| !told.ended) {
            text += &format!("event: gone\ndata: {why}\n\n");
            told.ended = true;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use selvedge::observe::inspect::protocol::Answer;

    use super::{Feed, KEPT, Told};

    fn event(n: usize) -> Answer {
        Answer::parse(&format!(
            r#"{{"id":{n},"is":{{"happened":{{"at_us":1,"thread":"a","text":"x\ny"}}}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_browser_is_told_everything_once() {
        let (feed, mut told) = (Feed::new(), Told::default());
        feed.hear(&event(1));
        feed.hear(&event(2));
        let news = feed.news(&mut told).unwrap();
        assert_eq!(news.matches("data: ").count(), 2);
        assert_eq!(
            news.lines().count(),
            6,
            "a line break in a text is no line break of the stream"
        );
        let again = feed.news(&mut Told::up_to(1)).unwrap();
        assert!(
            again.starts_with("id: 2\n") && again.matches("data: ").count() == 1,
            "{again}"
        );
        feed.end("it \"is\" over");
        assert_eq!(
            feed.news(&mut told).unwrap(),
            "event: gone\ndata: \"it \\\"is\\\" over\"\n\n"
        );
    }

    #[test]
    fn one_that_is_far_behind_is_told_how_far() {
        let (feed, mut told) = (Feed::new(), Told::default());
        feed.hear(&event(0));
        feed.news(&mut told).unwrap();
        for n in 0..KEPT + 5 {
            feed.hear(&event(n));
        }
        let news = feed.news(&mut told).unwrap();
        assert!(
            news.starts_with("event: missed\ndata: 5\n\n"),
            "{}",
            &news[..60]
        );
        assert_eq!(news.matches("happened").count(), KEPT);
    }

    #[test]
    fn of_pictures_the_latest_counts() {
        let (feed, mut told) = (Feed::new(), Told::default());
        for at in [1, 2] {
            let text = format!(
                r#"{{"id":1,"is":{{"snapshot":{{"at_us":{at},"threads":[],"signals":[],"queues":[],"locks":[],"warnings":[]}}}}}}"#
            );
            feed.hear(&Answer::parse(&text).unwrap());
        }
        let news = feed.news(&mut told).unwrap();
        assert_eq!(news.matches("snapshot").count(), 1);
        assert!(news.contains("\"at_us\":2"), "{news}");
    }
}
