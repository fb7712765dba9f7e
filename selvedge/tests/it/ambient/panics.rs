//! Panics at every point of a block, alone and together: what comes out, what is told, and what is left.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use selvedge::probe::{self, Event};
use selvedge::shared::Isolate;
use selvedge::{Ambient, Carry, Wrap, context, local, singleton};

use super::{elsewhere, panic_of};

local! {
    static A: u32;
    static B: u32;
    static HELD: Bomb;
}

context! {
    static APP = "panics" { held: Bomb }
    static ISOLATED = "panics-isolated" isolates;
}

/// Where a block runs code of the user, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Body,
    /// The drop of a future.
    Work,
    /// The action that was added last.
    LastAction,
    FirstAction,
    /// The drop of what a local was bound to.
    Local,
    /// The drop of what a resource was bound to.
    Resource,
}

use Point::{Body, FirstAction, LastAction, Local, Resource, Work};

const ALL: [Point; 6] = [Body, Work, LastAction, FirstAction, Local, Resource];

/// What is seen at a point: `A`, `B`, whether the context is entered, and whether its resource is bound.
type Seen = (Option<u32>, Option<u32>, bool, bool);

const OUTSIDE: Seen = (Some(9), None, false, false);
const INSIDE: Seen = (Some(1), None, true, true);

fn seen() -> Seen {
    (
        A.copied().ok(),
        B.copied().ok(),
        APP.is_active(),
        APP.held.is_bound(),
    )
}

/// Which points panic, and what happened.
#[derive(Clone)]
struct Script(Arc<Inner>);

struct Inner {
    id: usize,
    panics: Vec<Point>,
    log: Mutex<Vec<(Point, Seen)>>,
}

impl Script {
    fn new(panics: Vec<Point>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (id, log) = (NEXT.fetch_add(1, Relaxed), Mutex::default());
        Self(Arc::new(Inner { id, panics, log }))
    }

    fn message(&self, point: Point) -> String {
        format!("script {}: {point:?}.", self.0.id)
    }

    /// Reads, binds, captures, enters; and panics if the script says so.
    fn hit(&self, point: Point) {
        let here = seen();
        let captured = B.bind(2, Ambient::capture);
        assert_eq!(captured.run(|| (B.copied(), seen().0)), (Ok(2), here.0));
        let entered = APP.overlay().and(B.to(3)).run(seen);
        assert_eq!(entered, (here.0, Some(3), true, here.3));
        self.0.log.lock().unwrap().push((point, here));
        if self.0.panics.contains(&point) {
            panic!("{}", self.message(point));
        }
    }

    fn at(&self, point: Point) -> impl FnOnce() + Send + use<> {
        let script = self.clone();
        move || script.hit(point)
    }

    fn bomb(&self, point: Point) -> Bomb {
        Bomb(self.clone(), point)
    }

    /// Runs `f` and gives the panic that came out, and those that were told.
    fn outcome(&self, f: impl FnOnce()) -> (Option<String>, Vec<String>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = probe::subscribe({
            let (told, ours) = (Arc::clone(&told), format!("script {}:", self.0.id));
            move |event| {
                if let Event::ExitPanicked { message, .. } = event
                    && message.starts_with(&ours)
                {
                    told.lock().unwrap().push((*message).to_owned());
                }
            }
        });
        let out = catch_unwind(AssertUnwindSafe(f)).err();
        drop(heard);
        let out = out.map(|panic| *panic.downcast::<String>().expect("a text"));
        let told = std::mem::take(&mut *told.lock().unwrap());
        (out, told)
    }

    /// The first of these points that panics comes out, each of the others is told once.
    fn check(&self, points: &[Point], (out, mut told): (Option<String>, Vec<String>)) {
        let panics = points.iter().filter(|point| self.0.panics.contains(point));
        let mut panics = panics.map(|point| self.message(*point));
        assert_eq!(out, panics.next());
        let mut others: Vec<_> = panics.collect();
        others.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, others);
    }

    fn take_log(&self) -> Vec<(Point, Seen)> {
        std::mem::take(&mut *self.0.log.lock().unwrap())
    }
}

struct Bomb(Script, Point);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.hit(self.1);
    }
}

/// A future that is pending until it is told, and has something to drop.
struct Steps {
    script: Script,
    pending: u32,
    _held: Bomb,
}

impl Future for Steps {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.pending.checked_sub(1) {
            Some(fewer) => {
                self.pending = fewer;
                Poll::Pending
            }
            None => {
                self.script.hit(Body);
                Poll::Ready(())
            }
        }
    }
}

/// A block that has all points.
macro_rules! block {
    ($script:expr) => {
        APP.enter()
            .held($script.bomb(Resource))
            .and(A.to(1).and(HELD.to($script.bomb(Local))))
            .on_exit($script.at(FirstAction))
            .on_exit($script.at(LastAction))
    };
}

fn poll(future: Pin<&mut impl Future<Output = ()>>) {
    let _ = future.poll(&mut Context::from_waker(Waker::noop()));
}

fn each_subset(f: impl Fn(Script)) {
    for mask in 0..1_u32 << ALL.len() {
        let bit = |at: &usize| mask & (1 << at) != 0;
        let panics = (0..ALL.len()).filter(bit).map(|at| ALL[at]).collect();
        f(Script::new(panics));
        assert_eq!(seen(), OUTSIDE);
    }
}

/// In the order in which they come, and what each sees.
const EXIT: [(Point, Seen); 4] = [
    (LastAction, INSIDE),
    (FirstAction, INSIDE),
    (Local, INSIDE), // inside the blocks that are further out
    (Resource, OUTSIDE),
];

fn points(of: &[(Point, Seen)]) -> Vec<Point> {
    of.iter().map(|(point, _)| *point).collect()
}

#[test]
fn a_block_ends_whole_whichever_of_its_points_panic() {
    let all = [&[(Body, INSIDE)], &EXIT[..]].concat();
    A.bind(9, || {
        each_subset(|script| {
            let run = script.outcome(|| block!(script).run(script.at(Body)));
            script.check(&points(&all), run);
            assert_eq!(script.take_log(), all);
            let wrapped = block!(script).wrap(script.at(Body));
            script.check(&points(&all), script.outcome(wrapped));
            assert_eq!(script.take_log(), all);
        });
    });
}

#[test]
fn a_future_ends_whole_whichever_of_its_points_panic() {
    let steps = |script: &Script, pending| {
        Box::pin(block!(script).wrap(Steps {
            script: script.clone(),
            pending,
            _held: script.bomb(Work),
        }))
    };
    let end = [&[(Work, INSIDE)], &EXIT[..]].concat();
    let whole = [&[(Body, INSIDE)], &end[..]].concat();
    A.bind(9, || {
        each_subset(|script| {
            // Ready: everything comes with the poll, unless that panics itself.
            let mut future = steps(&script, 0);
            let polled = script.outcome(|| poll(future.as_mut()));
            let dropped = script.outcome(|| drop(future));
            match script.0.panics.contains(&Body) {
                true => {
                    script.check(&[Body], polled);
                    script.check(&points(&end), dropped);
                }
                false => {
                    script.check(&points(&whole), polled);
                    assert_eq!(dropped, (None, vec![]));
                }
            }
            assert_eq!(script.take_log(), whole);

            // Dropped half-way.
            let mut future = steps(&script, 2);
            poll(future.as_mut());
            script.check(&points(&end), script.outcome(|| drop(future)));
            assert_eq!(script.take_log(), end);

            // Begun here, gone on with on a second thread, dropped on a third; each has other bindings.
            let mut future = steps(&script, 2);
            poll(future.as_mut());
            let future = elsewhere(move || {
                poll(future.as_mut());
                assert_eq!(seen(), (None, None, false, false));
                future
            });
            let ended = elsewhere({
                let script = script.clone();
                move || A.bind(9, || (script.outcome(|| drop(future)), seen()))
            });
            assert_eq!(ended.1, OUTSIDE);
            script.check(&points(&end), ended.0);
            assert_eq!(script.take_log(), end);

            // Never polled: nothing begins, so nothing ends. Two destructors of one value must not both panic.
            if !(script.0.panics.contains(&Local) && script.0.panics.contains(&Resource)) {
                let future = steps(&script, 2);
                let never = [(Work, INSIDE), (Resource, OUTSIDE), (Local, OUTSIDE)];
                script.check(&points(&never), script.outcome(|| drop(future)));
                assert_eq!(script.take_log(), never);
            }
        });
    });
}

/// Destructors in a captured chain: the rest goes, wherever the last count does, and the first panic comes out.
#[test]
fn a_capture_ends_whole_if_its_values_panic_when_they_are_dropped() {
    for panics in [vec![], vec![Local], vec![Resource], vec![Local, Resource]] {
        let script = Script::new(panics);
        let first = script.0.panics.first().map(|point| script.message(*point));
        let rest = Arc::new(5);
        let capture = || {
            let bottom = A.to_arc(Arc::clone(&rest));
            let ends = APP.enter().held(script.bomb(Resource));
            let middle = ends.and(HELD.to(script.bomb(Local)));
            bottom.and(middle).and(A.to(1)).run(Ambient::capture)
        };
        let ambient = capture();
        assert_eq!(script.take_log(), []);
        let dropped = elsewhere({
            let script = script.clone();
            move || A.bind(9, || (script.outcome(|| drop(ambient)), seen()))
        });
        assert_eq!(dropped.1, OUTSIDE);
        assert_eq!(dropped.0, (first.clone(), vec![]));
        assert_eq!(script.take_log(), [(Local, OUTSIDE), (Resource, OUTSIDE)]);
        assert_eq!(Arc::strong_count(&rest), 1);

        // The same as the only handle of work that was carried and never called, and of work that was.
        let carried = capture().run(|| seen.inherit());
        assert_eq!(script.outcome(|| drop(carried)).0, first);
        let carried = capture().run(|| seen.inherit());
        let called = script.outcome(|| assert_eq!(carried(), (Some(1), None, true, true)));
        assert_eq!(called.0, first);
        assert_eq!(Arc::strong_count(&rest), 1);
        assert_eq!(script.take_log().len(), 4);
    }
}

/// The copies of an isolating block go with it.
#[test]
fn an_isolating_block_ends_whole_if_its_copies_panic_when_they_are_dropped() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Copy(bool);
    impl Isolate for Copy {
        const INTERIOR: bool = false;
        fn isolate(&self) -> Self {
            Self(true)
        }
    }
    impl Drop for Copy {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Relaxed);
            assert!(!self.0, "a copy's drop");
        }
    }
    singleton! { static ONE: Copy = Copy(false); static OTHER: Copy = Copy(false); }
    let write = || (ONE.update(|_| ()), OTHER.update(|_| ()));
    A.bind(9, || {
        let out = catch_unwind(AssertUnwindSafe(|| ISOLATED.run(write)));
        assert_eq!(out.unwrap_err().downcast_ref(), Some(&"a copy's drop"));
        assert_eq!((seen(), ISOLATED.is_active()), (OUTSIDE, false));
    });
    assert_eq!(DROPS.load(Relaxed), 2);
    assert!(!ONE.get().0 && !OTHER.get().0);
}

/// Who listens to entries and exits cannot break them.
#[test]
fn a_listener_that_panics_at_entry_and_exit_changes_nothing() {
    let me = std::thread::current().id();
    let heard = probe::subscribe(move |event| {
        let ours = |name: &str| name == "panics" && std::thread::current().id() == me;
        match event {
            Event::Entered { context, .. } | Event::Left { context, .. } if ours(context) => {
                panic!("a listener's")
            }
            _ => {}
        }
    });
    A.bind(9, || {
        let script = Script::new(vec![]);
        block!(script).run(|| assert_eq!(seen(), INSIDE));
        assert_eq!(points(&script.take_log()), points(&EXIT));
        assert_eq!(
            panic_of(|| APP.enter().run(|| panic!("the body's"))),
            "the body's"
        );
        assert_eq!(seen(), OUTSIDE);
    });
    drop(heard);
}
