//! Names: what the expansion is made of does not get in the way of what the user wrote.

use selvedge::{bind, context, open};

context! { static C = "c"; }

/// Takes the names that the expansion would like for itself.
#[open]
fn greedy(args: u8, next: &str, run: String, given: u8, function: &mut u8, body: u8) -> String {
    *function += 1;
    format!("{args} {next} {run} {given} {function} {body}")
}

#[bind(greedy, thread = C)]
fn bound_greedy(
    args: u8,
    next: &str,
    run: String,
    given: u8,
    function: &mut u8,
    body: u8,
    p: Next,
) -> String {
    p.proceed((args + 1, next, run, given, function, body - 6))
}

/// The rest of them.
#[open]
fn greedier(handler: u8, when: u8, site: u8, invoke: u8) -> u8 {
    handler + when + site + invoke
}

#[bind(greedier, thread = C)]
fn bound_greedier(handler: u8, when: u8, site: u8, invoke: u8, next: Next) -> u8 {
    next.proceed((handler, when, site, invoke * 2))
}

#[test]
fn arguments_may_have_any_name() {
    let call = || greedy(1, "2", "3".to_owned(), 4, &mut 4, 6);
    assert_eq!(call(), "1 2 3 4 5 6");
    assert_eq!(C.run(call), "2 2 3 4 5 0");
    let patch = greedy::around(|args, next| {
        args.args = 0;
        args.body = 0;
        next.proceed(args)
    });
    assert_eq!(patch.run(call), "0 2 3 4 5 0");
    assert_eq!(
        (greedier(1, 2, 3, 4), C.run(|| greedier(1, 2, 3, 4))),
        (10, 14)
    );
}

fn body(n: u8) -> u8 {
    n + 100
}

#[open]
fn calls_a_function_of_that_name(n: u8) -> u8 {
    body(n)
}

mod recursive {
    #[selvedge::open]
    pub(super) fn body(n: u8) -> u8 {
        if n == 0 { 0 } else { body(n - 1) + 1 }
    }
}

#[test]
fn a_function_named_like_a_part_of_the_expansion_is_the_user_s() {
    assert_eq!(calls_a_function_of_that_name(1), 101);
    let patch = recursive::body::around(|args, next| next.proceed(args) + 10);
    assert_eq!(patch.run(|| recursive::body(1)), 21);
}

/// Attributes and raw names.
#[open]
#[inline]
#[must_use]
fn r#match(r#type: u8, #[allow(unused_variables, reason = "as a user might")] unused: u8) -> u8 {
    r#type
}

#[test]
fn raw_names_and_attributes_are_kept() {
    assert_eq!(r#match(1, 2), 1);
    let patch = r#match::around(|args, next| {
        args.r#type += 1;
        next.proceed(args)
    });
    assert_eq!(patch.run(|| r#match(1, 2)), 2);
}

/// Handles are as visible as their methods, however that is said.
mod outer {
    pub(super) mod inner {
        pub(in crate::call::names) struct Lamp;

        #[selvedge::open]
        impl Lamp {
            pub(in super::super) fn far(&self) -> u8 {
                1
            }
            pub(in crate::call::names) fn from_the_root(&self) -> u8 {
                2
            }
            pub(super) fn near(&self) -> u8 {
                3
            }
            pub(self) fn here(&self) -> u8 {
                4
            }
            fn own(&self) -> u8 {
                5
            }
        }

        pub(in crate::call::names) fn hidden() -> [u8; 2] {
            let here = lamp::here::after(|returned| *returned.result += 10);
            let own = lamp::own::after(|returned| *returned.result += 10);
            here.and(own).run(|| [Lamp.here(), Lamp.own()])
        }
    }

    pub(super) fn near() -> u8 {
        let patch = inner::lamp::near::after(|returned| *returned.result += 10);
        patch.run(|| inner::Lamp.near())
    }
}

#[test]
fn methods_of_any_visibility_are_patched_where_they_can_be_called() {
    use outer::inner::{Lamp, hidden, lamp};
    let far = lamp::far::after(|returned| *returned.result += 10);
    let from_the_root = lamp::from_the_root::after(|returned| *returned.result += 10);
    let both = far.and(from_the_root);
    assert_eq!(both.run(|| [Lamp.far(), Lamp.from_the_root()]), [11, 12]);
    assert_eq!((outer::near(), hidden()), (13, [14, 15]));
}

struct Parser<'t> {
    rest: &'t str,
}

#[open]
impl<'t> Parser<'t> {
    const SEPARATOR: char = ' ';

    fn of(rest: &'t str) -> Self {
        Self { rest }
    }

    fn word(&mut self) -> Option<&'t str> {
        let (word, rest) = self.rest.split_once(Self::SEPARATOR)?;
        self.rest = rest;
        Some(word)
    }

    fn skip(&mut self, n: usize, other: &mut Parser<'_>) -> usize {
        for _ in 0..n {
            self.word();
        }
        other.word();
        self.rest.len()
    }

    fn same(&self, other: &Self) -> bool {
        self.rest == other.rest
    }
}

#[open]
fn shorter<'long: 'short, 'short>(long: &'long str, short: &'short str) -> &'short str {
    if long.len() < short.len() {
        long
    } else {
        short
    }
}

#[open]
fn nested<'a>(table: &'a [&'static str], keys: &mut Vec<&'a str>, at: Option<&usize>) -> &'a str {
    keys.push(table[*at.unwrap_or(&0)]);
    table[keys.len() - 1]
}

#[test]
fn types_with_lifetimes_have_open_methods() {
    let text = "a b c ".to_owned();
    let mut parser = Parser::of(&text);
    let word = parser::word::around(|args, next| next.proceed(args).map(|word| &word[..0]));
    let first: Option<&str> = word.run(|| parser.word());
    assert_eq!(first, Some(""));
    assert_eq!(parser.word(), Some("b"));
    let mut other = Parser::of("x y ");
    let skip = parser::skip::around(|args, next| {
        args.n += 1;
        let left = next.proceed(&mut *args);
        assert_eq!(args.other.rest, "y ");
        left
    });
    assert_eq!(skip.run(|| parser.skip(0, &mut other)), 0);
    assert!(parser::same::around(|_, _| true).run(|| parser.same(&other)));
    assert!(!parser.same(&other));
    let long = "long".to_owned();
    let longer = shorter::around(|args, next| {
        args.short = "a longer one";
        next.proceed(args)
    });
    assert_eq!(longer.run(|| shorter(&long, "s")), "long");
    let table = ["p", "q"];
    let mut keys = Vec::new();
    let patch = nested::around(|args, next| {
        *args.at = None;
        next.proceed(args)
    });
    assert_eq!(patch.run(|| nested(&table, &mut keys, Some(&1))), "p");
    assert_eq!(keys, ["p"]);
}
