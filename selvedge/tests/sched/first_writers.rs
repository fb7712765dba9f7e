//! Of two first writers one wins, and its reason stays.
//!
//! ```text
//!   one               other
//!   set_because("one")  |
//!     |               set_because("other")
//!     |                 |  exactly one of them returned true, and everybody reads its words
//! ```

use selvedge::Signal;

use crate::{check, spawn};

#[test]
fn of_two_first_writers_one_wins_and_its_reason_stays() {
    check(|| {
        let signal = Signal::new();
        let combined = &signal | &Signal::new();
        let writers = ["one", "other"].map(|name| {
            let signal = signal.clone();
            spawn(move || {
                let won = signal.set_because(name);
                (won, name, signal.reason().unwrap())
            })
        });
        let early = combined.reason();
        let ended = writers.map(|writer| writer.join().unwrap());
        let winners: Vec<_> = ended.iter().filter(|(won, ..)| *won).collect();
        assert_eq!(winners.len(), 1, "exactly one of them set it");
        let name = winners[0].1;
        for (_, _, seen) in &ended {
            assert_eq!(seen.text(), Some(name));
        }
        assert!(early.is_none_or(|early| early.text() == Some(name)));
        assert_eq!(combined.reason().unwrap().text(), Some(name));
    });
}
