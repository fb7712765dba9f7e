//! Arguments and results: they pass unchanged, keep their lifetimes, and can be looked at, changed, taken.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use selvedge::call::Condition;
use selvedge::{bind, context, open, probe};

use crate::ambient::panic_of;

context! { static OTHER = "other"; }

#[open]
fn mixed(
    number: u8,
    text: &str,
    list: Vec<u32>,
    buffer: &mut String,
    pair: (i32, bool),
) -> Result<usize, String> {
    buffer.push_str(text);
    if pair.1 {
        Ok(list.len() + usize::from(number))
    } else {
        Err(format!("{pair:?}"))
    }
}

fn call_mixed() -> (Result<usize, String>, String) {
    let mut buffer = "<".to_owned();
    let result = mixed(1, "text", vec![7, 8], &mut buffer, (-1, true));
    (result, buffer)
}

// catalogue 29
#[test]
fn every_kind_of_argument_and_the_result_pass_through_unchanged() {
    let plain = call_mixed();
    assert_eq!(plain, (Ok(3), "<text".to_owned()));
    assert_eq!(
        mixed::around(|args, next| next.proceed(args)).run(call_mixed),
        plain
    );
    // Two deep.
    let patch = mixed::around(|args, next| next.proceed(args));
    assert_eq!(patch.run(|| patch.run(call_mixed)), plain);
}

#[test]
fn a_handler_sees_and_changes_every_argument_and_the_result() {
    let patch = mixed::around(|args, next| {
        assert_eq!(
            (
                args.number,
                args.text,
                args.list.len(),
                args.buffer.as_str()
            ),
            (1, "text", 2, "<")
        );
        args.number = 10;
        args.text = "other";
        args.list.push(9);
        args.buffer.push('|');
        args.pair.1 = !args.pair.1;
        args.pair.1 = !args.pair.1;
        let result = next.proceed(&mut *args).map(|n| n * 2);
        args.buffer.push('>'); // a `&mut` argument is still here afterwards
        result
    });
    assert_eq!(patch.run(call_mixed), (Ok(26), "<|other>".to_owned()));
}

#[test]
fn a_handler_that_does_not_proceed_answers_for_the_function() {
    let patch = mixed::around(|args, _next| {
        let list = args.list.take();
        assert!(args.list.is_taken());
        Err(format!("{list:?}"))
    });
    assert_eq!(
        patch.run(call_mixed),
        (Err("[7, 8]".to_owned()), "<".to_owned())
    );
}

#[test]
fn an_argument_that_was_taken_and_not_put_back_panics_and_says_so() {
    let patch = mixed::around(|args, next| {
        drop(args.list.take());
        next.proceed(args)
    });
    let text = panic_of(|| patch.run(call_mixed));
    assert!(
        text.contains("the argument `list` was taken by a handler and not put back"),
        "{text}"
    );
    let twice = mixed::around(|args, _| Ok(args.list.take().len() + args.list.take().len()));
    assert!(panic_of(|| twice.run(call_mixed)).contains("taken by a handler"));
    let back = mixed::around(|args, next| {
        let mut list = args.list.take();
        assert_eq!(format!("{:?}", args.list), "<taken>");
        list.clear();
        args.list.put(list);
        assert_eq!(format!("{:?} {:?}", args.list, args.pair), "[] (-1, true)");
        next.proceed(args)
    });
    assert_eq!(back.run(call_mixed).0, Ok(1));
}

#[open]
fn longest<'a>(left: &'a str, right: &'a str) -> &'a str {
    if left.len() >= right.len() {
        left
    } else {
        right
    }
}

#[open]
fn first_word(text: &str) -> Option<&str> {
    text.split(' ').next()
}

#[open]
fn entry<'m>(map: &'m mut BTreeMap<String, u32>, key: &str) -> &'m mut u32 {
    map.entry(key.to_owned()).or_insert(0)
}

#[test]
fn a_result_borrows_from_the_arguments() {
    let local = "a bc".to_owned();
    let word = {
        let text: &str = &local;
        first_word::around(|args, next| next.proceed(args)).run(|| first_word(text))
    };
    assert_eq!(word, Some("a"));
    assert_eq!(
        longest::around(|args, _| args.right).run(|| longest(&local, "x")),
        "x"
    );
    let mut map = BTreeMap::new();
    let patch = entry::around(|args, next| {
        assert_eq!(args.key, "k");
        let value = next.proceed(args);
        *value += 10;
        value
    });
    *patch.run(|| entry(&mut map, "k")) += 1;
    assert_eq!(map["k"], 11);
}

#[derive(Debug, PartialEq)]
struct Account {
    name: String,
    balance: i64,
}

#[open]
impl Account {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            balance: 0,
        }
    }

    fn balance(&self) -> i64 {
        self.balance
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn deposit(&mut self, amount: i64) -> i64 {
        self.balance += amount;
        self.balance()
    }

    fn close(mut self, into: &mut Self) -> String {
        into.balance += std::mem::take(&mut self.balance);
        self.name
    }

    fn slot(&mut self) -> &mut i64 {
        &mut self.balance
    }
}

fn ada() -> Account {
    Account {
        name: "Ada".to_owned(),
        balance: 5,
    }
}

// catalogue 28
#[test]
fn a_handler_receives_the_real_receiver() {
    let ada = ada();
    let address = std::ptr::from_ref(&ada).addr();
    let patch = account::balance::around(move |args, next| {
        assert_eq!(std::ptr::from_ref(args.this).addr(), address);
        args.this.balance * 100 + next.proceed(args)
    });
    assert_eq!(patch.run(|| ada.balance()), 505);
    let shouted = account::name::around(|args, _| &args.this.name[..1]);
    assert_eq!(shouted.run(|| ada.name()), "A");
}

#[test]
fn methods_by_reference_by_unique_reference_by_value_and_without_a_receiver() {
    let new = account::new::around(|args, next| {
        args.name = "Patched";
        let mut account = next.proceed(args);
        account.balance = 7;
        account
    });
    assert_eq!(
        new.run(|| Account::new("x")),
        Account {
            name: "Patched".into(),
            balance: 7
        }
    );

    let mut ada = ada();
    let deposit = account::deposit::around(|args, next| {
        args.this.balance += 1_000;
        let before = args.this.balance;
        args.amount *= 2;
        let after = next.proceed(&mut *args);
        assert_eq!((before + 6, args.this.balance), (after, after));
        args.this.balance -= 1;
        after
    });
    assert_eq!(deposit.run(|| ada.deposit(3)), 1_011);
    assert_eq!(ada.balance, 1_010);
    // An open method that the body calls is open as well.
    let told = account::balance::around(|_, _| -1).run(|| ada.deposit(0));
    assert_eq!(told, -1);

    *account::slot::around(|args, next| next.proceed(args)).run(|| ada.slot()) = 1;
    assert_eq!(ada.balance, 1);

    let mut heir = Account::new("Heir");
    let close = account::close::around(|args, next| {
        args.this.name.push('!');
        next.proceed(args)
    });
    assert_eq!(close.run(|| ada.close(&mut heir)), "Ada!");
    assert_eq!(heir.balance, 1);
}

#[bind(account::deposit, thread = OTHER)]
fn deposit_nothing(this: &mut Account, amount: i64, next: Next) -> i64 {
    assert_eq!(this.name, "Ada");
    next.proceed((this, amount - 50))
}

#[bind(account::name, thread = OTHER)]
fn anonymous(this: &Account) -> &str {
    &this.name[this.name.len()..]
}

#[bind(account::close, thread = OTHER)]
fn keep(this: Account, into: &mut Account, next: Next) -> String {
    let next = next.proceed((Account { balance: 0, ..this }, into));
    format!("kept {next}")
}

#[test]
fn bound_functions_take_methods_receivers_as_this() {
    let mut ada = ada();
    OTHER.run(|| {
        assert_eq!(ada.deposit(50), 5);
        assert_eq!(ada.name(), "");
        let mut heir = Account {
            name: "Heir".into(),
            balance: 0,
        };
        assert_eq!(
            (ada.close(&mut heir), heir.balance),
            ("kept Ada".to_owned(), 0)
        );
    });
}

struct Stack<T> {
    items: Vec<T>,
}

#[open(as = stack_of)]
impl<T: Clone + 'static> Stack<T> {
    fn push(&mut self, item: T) -> usize {
        self.items.push(item);
        self.items.len()
    }

    fn top(&self) -> Option<&T> {
        self.items.last()
    }

    fn mapped<U: From<T> + 'static>(&self) -> Vec<U> {
        self.items.iter().cloned().map(U::from).collect()
    }
}

#[open(as = stack_of_text)]
impl Stack<String> {
    fn joined(&self) -> String {
        self.items.concat()
    }
}

#[test]
fn the_module_of_an_impl_block_can_be_named() {
    let mut stack = Stack {
        items: vec!["a".to_owned()],
    };
    let refuse = stack_of::push::around::<String>(|args, next| {
        if args.item.is_empty() {
            0
        } else {
            next.proceed(args)
        }
    });
    refuse.run(|| {
        assert_eq!(stack.push(String::new()), 0);
        assert_eq!(stack.push("b".to_owned()), 2);
        // Another instantiation is another function.
        assert_eq!(Stack { items: vec![1] }.push(2), 2);
    });
    assert_eq!(
        stack_of_text::joined::around(|_, _| "joined".into()).run(|| stack.joined()),
        "joined"
    );
    assert_eq!(stack.joined(), "ab");
    let none = stack_of::top::around::<String>(|_, _| None);
    assert_eq!(
        (
            none.run(|| stack.top().cloned()),
            stack.top().unwrap().as_str()
        ),
        (None, "b")
    );
    let bytes = Stack {
        items: vec![1_u8, 2],
    };
    let wide = stack_of::mapped::around::<u8, u64>(|args, next| {
        let mut wide = next.proceed(args);
        wide.push(9);
        wide
    });
    wide.run(|| {
        assert_eq!(bytes.mapped::<u64>(), [1, 2, 9]);
        assert_eq!(bytes.mapped::<u32>(), [1, 2]);
    });
}

#[open]
fn show<T, const N: usize>(items: [T; N], separator: char) -> String
where
    T: Display + 'static,
{
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(&separator.to_string())
}

#[test]
fn a_generic_function_is_patched_and_bound_for_one_instantiation() {
    context! { static QUIET = "quiet"; }
    assert_eq!(show([1, 2], ','), "1,2");
    let patch = show::around::<i32, 2>(|args, next| {
        args.items[0] = 9;
        args.separator = '-';
        next.proceed(args)
    });
    patch.run(|| {
        assert_eq!(show([1, 2], ','), "9-2");
        assert_eq!(show([1, 2, 3], ','), "1,2,3");
        assert_eq!(show(["a", "b"], ','), "a,b");
    });
    show::bind::<&'static str, 1>(&[Condition::Thread(&QUIET)], |_, _| "quiet".into());
    show::bind::<u8, 1>(&[Condition::Thread(&QUIET)], |_, _| "quiet number".into());
    let ties = Arc::new(AtomicU32::new(0));
    let subscription = probe::subscribe({
        let ties = Arc::clone(&ties);
        move |event| {
            if let probe::Event::Tie { function } = event
                && function.ends_with("::arguments::show")
            {
                ties.fetch_add(1, SeqCst);
            }
        }
    });
    QUIET.run(|| {
        assert_eq!(
            (show(["a"], ','), show([1_u8], ','), show([1_u16], ',')),
            ("quiet".into(), "quiet number".into(), "1".into())
        );
    });
    drop(subscription);
    assert_eq!(ties.load(SeqCst), 0, "they never meet in one call");
}

#[open]
fn patterns((left, right): (u32, u32), [a, _]: [u32; 2], mut last: u32) -> u32 {
    last += 1;
    left * 1_000 + right * 100 + a * 10 + last
}

#[test]
fn arguments_may_be_patterns() {
    assert_eq!(patterns((1, 2), [3, 4], 4), 1_235);
    let patch = patterns::around(|args, next| {
        args.arg0.0 = 9;
        args.arg1[0] = 8;
        args.last = 0;
        next.proceed(args)
    });
    assert_eq!(patch.run(|| patterns((1, 2), [3, 4], 4)), 9_281);
}

#[open]
fn apply(f: &dyn Fn(u32) -> u32, boxed: Box<dyn Fn(u32) -> u32>, n: u32) -> u32 {
    boxed(f(n))
}

#[test]
fn arguments_may_be_closures() {
    let local = 5;
    let call = || apply(&|n| n + local, Box::new(|n| n * 2), 1);
    assert_eq!(call(), 12);
    let patch = apply::around(|args, next| {
        let inner = args.boxed.take();
        args.boxed.put(Box::new(move |n| inner(n) + 100));
        next.proceed(args)
    });
    assert_eq!(patch.run(call), 112);
}

// catalogue 41
#[test]
fn the_function_is_still_a_plain_function() {
    let pointer: fn(&str, &str) -> bool = |a, b| longest(a, b) == a;
    assert!(pointer("aa", "b"));
    let functions: [fn(&str) -> Option<&str>; 1] = [first_word];
    assert_eq!(
        first_word::around(|_, _| None).run(|| functions[0]("a b")),
        None
    );
}

#[test]
fn next_knows_the_function_that_is_called() {
    let patch = first_word::around(|args, next| {
        let function = next.function();
        assert!(
            function.path().ends_with("call::arguments::first_word"),
            "{}",
            function.path()
        );
        assert!(function.location().file().ends_with("arguments.rs"));
        assert!(format!("{next:?}").contains("first_word"));
        next.proceed(args)
    });
    assert_eq!(patch.run(|| first_word("a b")), Some("a"));
    assert!(format!("{patch:?}").contains("first_word"));
}

/// What the signature says of its lifetimes holds for the handler as well.
#[test]
fn a_handler_may_return_an_argument_that_outlives_the_result() {
    #[open]
    fn shorter<'long: 'short, 'short>(_long: &'long str, short: &'short str) -> &'short str {
        short
    }
    let patch = shorter::around(|args, _| args._long);
    assert_eq!(patch.run(|| shorter("long", "short")), "long");
    assert_eq!(shorter("long", "short"), "short");
}
