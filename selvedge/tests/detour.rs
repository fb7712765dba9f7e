//! Detours of functions that are not open. One test: a detour is the whole process's.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(unsafe_code, reason = "instructions are written over")]

use std::sync::Barrier;
use std::thread;

/// Of somebody else, who knows nothing of this.
mod other {
    use std::hint::black_box;

    #[inline(never)]
    pub(super) fn price(item: &str, n: u64) -> u64 {
        black_box(item).len() as u64 * black_box(n)
    }

    #[inline(never)]
    pub(super) fn total(items: &[(String, u64)]) -> u64 {
        items.iter().map(|(item, n)| price(item, *n)).sum()
    }

    #[inline(never)]
    pub(super) fn label(of: String) -> Option<String> {
        black_box(of).get(1..).map(str::to_owned)
    }
}

selvedge::detour! {
    /// What an item costs.
    fn price(item: &str, n: u64) -> u64 = other::price;
    fn label(of: String) -> Option<String> = other::label;
}

const fn goes_anywhere<T: Send + Sync + 'static>() {}
const _: () = goes_anywhere::<selvedge::call::Detoured>();
const _: () = goes_anywhere::<selvedge::call::DetourError>();

#[test]
fn a_function_that_is_not_open_is_patched_per_block() {
    let items = [("ab".to_owned(), 2), ("c".to_owned(), 3)];
    let free = price::before(|call| call.ret(0));
    let double = price::around(|args, next| next.proceed(args) * 2);
    assert_eq!(free.run(|| other::total(&items)), 7, "not detoured yet");
    assert_eq!(
        double.run(|| price("ab", 2)),
        8,
        "the open function calls the other one"
    );

    // SAFETY: no other thread runs it.
    let detoured = unsafe { price::detour() }.unwrap();
    assert_eq!(other::total(&items), 7, "detoured, nothing applies");
    assert_eq!(double.run(|| other::total(&items)), 14);
    assert_eq!(price("ab", 2), 4, "it does not go round in circles");

    // Two threads with different patches, at the same time.
    let both = Barrier::new(2);
    let sums = thread::scope(|s| {
        let run = |patch| {
            let (items, both) = (&items, &both);
            s.spawn(move || {
                let total = || {
                    both.wait();
                    other::total(items)
                };
                match patch {
                    Some(patch) => selvedge::call::Patch::run(patch, total),
                    None => total(),
                }
            })
        };
        let (patched, plain) = (run(Some(&free)), run(None));
        (patched.join().unwrap(), plain.join().unwrap())
    });
    assert_eq!(sums, (0, 7));

    // SAFETY: no other thread runs it.
    let again = unsafe { price::detour() }.unwrap();
    drop(detoured);
    assert_eq!(
        double.run(|| other::total(&items)),
        14,
        "still detoured by the other guard"
    );
    drop(again);
    assert_eq!(double.run(|| other::total(&items)), 7, "as it was");
    assert_eq!(double.run(|| price("ab", 2)), 8);

    // SAFETY: no other thread runs it.
    let _detoured = unsafe { label::detour() }.unwrap();
    let patch = label::before(|call| call.args.of.push('!'));
    assert_eq!(other::label("abc".to_owned()).as_deref(), Some("bc"));
    assert_eq!(
        patch.run(|| other::label("abc".to_owned())).as_deref(),
        Some("bc!")
    );
}
