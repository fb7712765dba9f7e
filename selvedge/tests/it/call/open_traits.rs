//! `#[open]` on implementations of traits.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use selvedge::open;

struct Temperature(f64);

#[open]
impl fmt::Display for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}C", self.0)
    }
}

#[open(as = temperature_debug)]
impl fmt::Debug for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Temperature").finish()
    }
}

trait Store {
    type Key: Copy;
    const LIMIT: usize;

    fn put(&mut self, key: Self::Key, value: String) -> Option<String>;

    fn size(&self) -> usize {
        0
    }

    fn is_full(&self) -> bool {
        self.size() >= Self::LIMIT
    }

    fn empty() -> Self
    where
        Self: Sized;
}

#[derive(Default)]
struct Memory(HashMap<u32, String>);

#[open]
impl Store for Memory {
    type Key = u32;
    const LIMIT: usize = 2;

    fn put(&mut self, key: Self::Key, value: String) -> Option<String> {
        let key: Self::Key = key % 10;
        let size = self.size();
        let old = self.0.insert(key, value);
        assert!(self.size() >= size);
        old
    }

    fn size(&self) -> usize {
        self.0.len()
    }

    fn empty() -> Self {
        Self::default()
    }
}

#[test]
fn a_method_of_a_trait_is_open_where_it_is_called_by_name_and_through_dyn() {
    let mild = Temperature(1.0);
    let hot = temperature_display::fmt::before(|call| {
        let written = call.args.f.write_str("hot");
        call.ret(written);
    });
    assert_eq!(mild.to_string(), "1.0C");
    assert_eq!(hot.run(|| mild.to_string()), "hot");
    let mild: Box<dyn fmt::Display> = Box::new(mild);
    assert_eq!(hot.run(|| format!("{mild}")), "hot");
    assert_eq!(format!("{mild}"), "1.0C");
}

#[test]
fn two_traits_with_a_method_of_one_name_are_apart() {
    let patch = temperature_debug::fmt::around(|args, _| args.f.write_str("debug"));
    let seen = patch.run(|| format!("{0} {0:?}", Temperature(2.0)));
    assert_eq!(seen, "2.0C debug");
}

#[test]
fn types_and_constants_of_the_trait_are_what_they_were() {
    let mut store: Box<dyn Store2> = Box::new(Memory::empty());
    let shout = memory_store::put::around(|args, next| {
        assert_eq!(*args.key, 11);
        *args.key = 1;
        args.value.push('!');
        next.proceed(args)
    });
    shout.run(|| assert_eq!(store.store(11, "a"), None));
    assert_eq!(store.store(21, "b").as_deref(), Some("a!"));
    assert_eq!(<Memory as Store>::LIMIT, 2);
}

/// `Store` itself has a constant, so it is no `dyn`.
trait Store2 {
    fn store(&mut self, key: u32, value: &str) -> Option<String>;
}

#[open]
impl<S: Store<Key = u32> + 'static> Store2 for S {
    fn store(&mut self, key: u32, value: &str) -> Option<String> {
        self.put(key, value.to_owned())
    }
}

#[test]
fn a_default_method_that_is_not_written_calls_the_open_ones() {
    let memory = Memory::empty();
    assert!(!memory.is_full());
    let full = memory_store::size::before(|call| call.ret(2));
    assert!(full.run(|| memory.is_full()));
    assert_eq!(full.hits(), 1);
}

#[test]
fn a_function_without_a_receiver_is_open_and_a_blanket_implementation_too() {
    let given = memory_store::empty::after(|returned| {
        returned.result.0.insert(7, "seven".to_owned());
    });
    let mut memory = given.run(Memory::empty);
    assert_eq!(memory.size(), 1);
    let patch = s_store2::store::before::<Memory>(|call| call.ret(Some("blanket".to_owned())));
    let stored = patch.run(|| memory.store(7, "x"));
    assert_eq!(stored.as_deref(), Some("blanket"));
    assert_eq!(memory.store(7, "x").as_deref(), Some("seven"));
}

#[test]
fn on_one_object_of_several_through_dyn() {
    let (one, two) = (Temperature(1.0), Temperature(2.0));
    let all: [&dyn fmt::Display; 2] = [&one, &two];
    let patch = temperature_display::fmt::around(|args, _| args.f.write_str("it")).on(&two);
    let seen: Vec<String> = patch.run(|| all.iter().map(ToString::to_string).collect());
    assert_eq!(seen, ["1.0C", "it"]);
}

struct Words<'t, T: 'static> {
    text: &'t str,
    of: PhantomData<T>,
}

#[open(as = words)]
impl<'t, T: From<&'static str> + 'static> Iterator for Words<'t, T> {
    type Item = (&'t str, T);

    fn next(&mut self) -> Option<Self::Item> {
        let (word, rest) = self.text.split_once(' ')?;
        self.text = rest;
        Some((word, T::from("word")))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.text.len()))
    }
}

#[open(as = words_end)]
impl<T: 'static> Drop for Words<'_, T> {
    fn drop(&mut self) {
        super::step("dropped");
    }
}

#[test]
fn lifetimes_of_the_implementation_reach_the_hooks() {
    let text = String::from("a b c ");
    let words = |text| Words {
        text,
        of: PhantomData::<String>,
    };
    let patch = words::next::after::<String>(|returned| {
        if let Some((word, _)) = returned.result {
            *word = &word[..0];
        }
    });
    let count = patch.run(|| words(&text).filter(|(word, _)| word.is_empty()).count());
    assert_eq!(count, 3);
    assert_eq!(patch.hits(), 4);
    assert_eq!(super::trail(), ["dropped"]);
    let kept = words_end::drop::before::<String>(|call| call.ret(()));
    kept.run(|| drop(words(&text)));
    assert!(super::trail().is_empty());
}

trait Convert<T> {
    fn convert(self: Box<Self>, by: T) -> T;
}

#[open(as = convert_i32)]
impl Convert<i32> for Temperature {
    #[expect(clippy::cast_possible_truncation, reason = "small")]
    fn convert(self: Box<Self>, mut by: i32) -> i32 {
        by += self.0 as i32;
        by
    }
}

#[open(as = convert_text)]
impl Convert<String> for Temperature {
    fn convert(self: Box<Self>, by: String) -> String {
        format!("{}{by}", self.0)
    }
}

#[test]
fn a_generic_trait_implemented_twice_has_two_modules() {
    let patch = convert_i32::convert::before(|call| call.args.this.0 = 40.0);
    patch.run(|| {
        let (one, two) = (Box::new(Temperature(1.0)), Box::new(Temperature(1.5)));
        assert_eq!(
            (one.convert(2), two.convert("C".to_owned())),
            (42, "1.5C".to_owned())
        );
    });
}

/// A trait of one's own for a type of somebody else's.
trait Total {
    fn total(&self) -> u32;
}

#[open(as = slice_total)]
impl Total for [u32] {
    fn total(&self) -> u32 {
        self.iter().sum()
    }
}

#[open(as = pair_total)]
impl Total for (u32, &u32) {
    fn total(&self) -> u32 {
        self.0 + self.1
    }
}

#[test]
fn types_without_a_name_or_a_size_take_a_name_for_the_module() {
    let patch = slice_total::total::after(|returned| *returned.result += 1);
    let seen = patch.run(|| ([1, 2][..].total(), (1, &2).total()));
    assert_eq!(seen, (4, 3));
    let patch = pair_total::total::after(|returned| *returned.result += 1);
    assert_eq!(patch.run(|| (1, &2).total()), 4);
}

#[test]
fn the_path_has_the_type_and_the_trait() {
    let patch = memory_store::size::before(|call| {
        assert!(
            call.function()
                .path()
                .ends_with("open_traits::Memory::Store::size")
        );
        call.ret(0);
    });
    patch.run(|| assert_eq!(Memory::empty().size(), 0));
}
