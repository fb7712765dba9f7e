//! Events: who is told, in which order, and whose answer counts.

use selvedge::call::Groutines;
use selvedge::{event, open};

use super::Notes;
use super::listening::add;

#[event]
fn VALUE(n: u32) -> Option<u32>;

/// 144, 145: the first answer, or none; no listeners is fine.
#[test]
fn an_event_gives_the_first_answer() {
    assert_eq!(VALUE(1), None);
    let silent = || async { VALUE::called().await.with(|_| ()) };
    let first = || async {
        VALUE::called()
            .await
            .with(|call| call.ret(Some(call.args.n + 1)))
    };
    let second = || async { VALUE::called().await.ret(Some(50)) };
    let all = Groutines::new().with(silent).with(first).with(second);
    assert_eq!(all.run(|| [VALUE(1), VALUE(1)]), [Some(2), None]);
}

fn noting(notes: &Notes<u32>, me: u32) -> Groutines {
    let notes = notes.clone();
    Groutines::new().with(move || {
        let notes = notes.clone();
        async move {
            loop {
                let call = VALUE::called().await;
                notes.note(me);
                call.ret(Some(me));
            }
        }
    })
}

/// 146: all listeners get every event, whoever answers, in the order of subscription; inner blocks first.
#[test]
fn every_listener_gets_every_event() {
    let notes = Notes::new();
    let (a, b, c) = (noting(&notes, 1), noting(&notes, 2), noting(&notes, 3));
    a.and(b).and(c).run(|| assert_eq!(VALUE(0), Some(3)));
    assert_eq!(notes.take(), [3, 2, 1]);
}

/// 146: in one set, who has begun to wait earlier hears it earlier, whatever the order of the list.
#[test]
fn the_order_is_that_of_subscription() {
    let notes = Notes::new();
    let groutine = |me: u32, first: bool| {
        let notes = notes.clone();
        move || {
            let notes = notes.clone();
            async move {
                if first {
                    add::called().await;
                }
                loop {
                    VALUE::called().await.with(|_| notes.note(me));
                }
            }
        }
    };
    Groutines::new()
        .with(groutine(1, true))
        .with(groutine(2, false))
        .with(groutine(3, false))
        .run(|| {
            add(1, 1);
            VALUE(0);
        });
    assert_eq!(notes.take(), [2, 3, 1]);
}

/// 146: a wait that did not want a call keeps its place among the others, however many calls pass.
#[test]
fn who_goes_on_waiting_keeps_his_place() {
    const CALLS: u32 = 1000;
    let notes = Notes::new();
    let noting = notes.clone();
    let picky = move || {
        let notes = noting.clone();
        async move {
            let mut wait = VALUE::called().when(|call| call.args.n == CALLS);
            (&mut wait).await.with(|_| notes.note(0));
        }
    };
    let others = |me: u32| {
        let notes = notes.clone();
        move || {
            let notes = notes.clone();
            async move {
                loop {
                    VALUE::called().await.with(|call| {
                        if call.args.n + 1 >= CALLS {
                            notes.note(me);
                        }
                    });
                }
            }
        }
    };
    Groutines::new()
        .with(others(1))
        .with(picky)
        .with(others(2))
        .run(|| (1..=CALLS).for_each(|n| assert_eq!(VALUE(n), None)));
    assert_eq!(notes.take(), [1, 2, 0, 1, 2]);
}

/// 147: `consume` answers and nobody else hears of it, also when it answers nothing.
#[test]
fn a_consumed_event_goes_no_further() {
    let notes = Notes::new();
    let consume = || async {
        VALUE::called().await.consume(None);
        VALUE::called().await.consume(Some(9));
    };
    noting(&notes, 1)
        .and(Groutines::new().with(consume))
        .run(|| assert_eq!([VALUE(0), VALUE(0), VALUE(0)], [None, Some(9), Some(1)]));
    assert_eq!(notes.take(), [1]);
}

/// 144: an event goes to those who listen at that moment.
#[test]
fn who_subscribes_while_it_is_told_does_not_hear_it() {
    let notes = Notes::new();
    let noting = notes.clone();
    let late = move || {
        let notes = noting.clone();
        async move {
            VALUE::called().await;
            notes.note("first");
            VALUE::called().await;
            notes.note("second");
        }
    };
    Groutines::new().with(late).run(|| {
        VALUE(0);
        assert_eq!(notes.take(), ["first"]);
        VALUE(0);
        assert_eq!(notes.take(), ["second"]);
    });
}

/// 118, 151: groutines fire events at one another, and answers travel back.
#[test]
fn a_groutine_that_fires_gets_the_answer_of_another() {
    #[open]
    fn middle(default: u32) -> u32 {
        default
    }
    let asks = || async {
        let mut returned = middle::returned().await;
        let answers: Vec<_> = (0..5).map(VALUE).collect();
        assert_eq!(answers, [1, 2, 3, 4, 5].map(Some));
        returned.with(|returned| *returned.result = 9);
    };
    let answers = || async {
        loop {
            VALUE::called()
                .await
                .with(|call| call.ret(Some(call.args.n + 1)));
        }
    };
    let both = Groutines::new().with(asks).with(answers);
    assert_eq!(both.run(|| middle(6)), 9);
}
