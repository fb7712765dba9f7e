//! Keep one object for the whole program, and let plugins work on copies of it, so that a rogue changes nothing.
//!
//! RuntimeContext's example: a constructor that gives the one instance, and inside "plugin-work" a deep copy
//! of it. Then the same with `singleton!`, in one line.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock, Mutex};

use selvedge::{bind, context, open, shared::Isolate, singleton, thread};

#[derive(Isolate, Default)]
struct Variables {
    values: Mutex<BTreeMap<String, i64>>,
}

impl Variables {
    fn get(&self, name: &str) -> i64 {
        self.values.lock().unwrap()[name]
    }

    fn set(&self, name: &str, value: i64) {
        self.values.lock().unwrap().insert(name.to_owned(), value);
    }
}

context! { static PLUGIN_WORK = "plugin-work" isolates; }

/// Where everybody gets the variables from; in the default context: the one instance.
#[open]
fn variables() -> Arc<Variables> {
    static INSTANCE: LazyLock<Arc<Variables>> = LazyLock::new(Arc::default);
    Arc::clone(&INSTANCE)
}

/// In the context of plugins: a deep copy of what the others get.
#[bind(variables, thread = PLUGIN_WORK)]
fn copy(next: Next) -> Arc<Variables> {
    next.proceed(()).isolate()
}

/// `name - n` by somebody who should only calculate.
fn rogue_minus(name: &str, n: i64) -> i64 {
    let mine = variables(); // its own copy
    let result = mine.get(name) - n;
    mine.set(name, 3);
    result
}

singleton! { static VARIABLES: Variables = Variables::default(); }

/// The same plugin for the same context, by the singleton's name.
fn rogue_minus_by_name(name: &str, n: i64) -> i64 {
    let result = VARIABLES.read(|variables| variables.get(name)) - n;
    VARIABLES.update(|variables| variables.set(name, 3));
    result
}

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("singleton", |_stop| {
        variables().set("x", 5);
        VARIABLES.update(|variables| variables.set("x", 5));
        for plugin in [rogue_minus, rogue_minus_by_name] {
            let worker = thread::spawn("worker", move |_stop| {
                Ok([(); 2].map(|()| PLUGIN_WORK.run(|| plugin("x", 1))))
            });
            let results = worker.join()?;
            println!("x - 1 is {}, and again {}", results[0], results[1]);
            assert_eq!(results, [4, 4]);
        }
        let x = [variables().get("x"), VARIABLES.read(|v| v.get("x"))];
        assert_eq!(x, [5, 5]);
        println!("x is still 5; without the context the second answer is wrong:");
        let results = [(); 2].map(|()| rogue_minus("x", 1));
        println!("x - 1 is {}, and again {}", results[0], results[1]);
        assert_eq!(results, [4, 2]);
        Ok(())
    })
}
