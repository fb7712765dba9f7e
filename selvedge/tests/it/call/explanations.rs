//! What a call here and now would run.

use selvedge::call::{self, Condition, Groutines, What, Why};
use selvedge::{Signal, context, open};

context! {
    static NIGHT = "night";
    static HOLIDAY = "holiday";
}

#[open]
fn price(n: u32) -> u32 {
    n
}

#[open]
fn show<T: std::fmt::Debug + 'static>(value: T) -> String {
    format!("{value:?}")
}

#[open]
fn quiet() {}

struct Shop(u8);

#[open]
impl Shop {
    fn is_open(&self) -> bool {
        self.0 == 0
    }
}

/// The lines, without places.
fn lines(explanation: &call::Explanation) -> Vec<String> {
    let text = explanation.to_string();
    let place = |word: &str| word.contains(file!());
    let line = |line: &str| {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let words: Vec<_> = words
            .map(|word| if place(word) { "HERE," } else { word })
            .collect();
        words.join(" ")
    };
    text.lines().skip(1).map(line).collect()
}

#[test]
fn nothing_in_force_is_the_function_itself() {
    let explanation = quiet::explain();
    assert_eq!(lines(&explanation), ["1. the function itself"]);
    assert!(explanation.function().path().ends_with("::quiet"));
    assert!(explanation.thread().contains("nothing_in_force"));
    assert!(matches!(explanation.steps()[0].what(), What::Body));
}

#[test]
fn all_steps_are_listed_in_the_order_of_the_call() {
    price::bind(&[Condition::Thread(&NIGHT)], |args, next| {
        next.proceed(args)
    });
    price::bind(
        &[Condition::Thread(&NIGHT), Condition::Thread(&HOLIDAY)],
        |args, next| next.proceed(args),
    );
    let (outer, inner) = (price::after(|_| ()), price::before(|_| ()));
    let installed = price::around(|args, next| next.proceed(args)).install();
    let watch = call::watch("**::explanations::price", |_| ()).unwrap();
    let explanation = outer.run(|| {
        inner.run(|| {
            price(1);
            HOLIDAY.run(|| NIGHT.run(|| watch.run(|| price::before_here(|_| (), price::explain))))
        })
    });
    drop(installed);
    assert_eq!(
        lines(&explanation),
        [
            "1. the watch `**::explanations::price`",
            "2. the hook `before_here` of a block around us",
            "3. the patch `before` of HERE, of a block around us, 1 hits",
            "4. the patch `after` of HERE, of a block around us, 1 hits",
            "5. the patch `around` of HERE, installed, 1 hits",
            "6. what HERE, bound to [Thread(night), Thread(holiday)], which holds here",
            "7. what HERE, bound to [Thread(night)], which holds here",
            "8. the function itself",
        ]
    );
    assert!(explanation.steps().iter().all(call::ExplainedStep::runs));
}

#[test]
fn what_is_passed_by_says_why() {
    let set = Signal::named("sale");
    let late = price::before(|_| ()).when(&set);
    let once = price::before(|_| ()).times(1);
    let within = price::around(|args, next| {
        let explanation = price::explain();
        assert_eq!(explanation.steps()[0].passed_by(), Some(&Why::InsideOfIt));
        assert!(!explanation.steps()[0].runs());
        next.proceed(args)
    });
    late.run(|| {
        once.run(|| {
            within.run(|| price(1));
            let explanation = price::explain();
            assert_eq!(explanation.steps()[0].passed_by(), Some(&Why::UsedUp));
            assert_eq!(
                explanation.steps()[1].passed_by(),
                Some(&Why::NotYet(set.to_string()))
            );
            set.set();
            assert!(price::explain().steps()[1].runs());
        })
    });
    show::before::<u8>(|_| ()).run(|| {
        assert_eq!(
            show::explain::<u16>().steps()[0].passed_by(),
            Some(&Why::OtherTypes)
        );
        assert!(show::explain::<u8>().steps()[0].runs());
        assert_eq!(show(1_u8), "1");
    });
    let shop = Shop(0);
    shop::is_open::expect(1).passing().on(&shop).run(|| {
        let explanation = shop::is_open::explain();
        assert_eq!(explanation.steps()[0].passed_by(), Some(&Why::OneObject));
        assert!(
            explanation.to_string().contains("the patch `expect` of"),
            "{explanation}"
        );
        assert!(shop.is_open());
    });
}

/// A patch of an async function says where it was made, as any other: it said that it was made where the function is
/// open.
#[test]
fn an_async_function_explains_itself_too() {
    #[open]
    async fn fetch(n: u32) -> u32 {
        n
    }
    let (patch, line) = (fetch::before(|call| call.args.n += 1), line!());
    patch.run(|| {
        let text = fetch::explain().to_string();
        assert!(text.contains("`before`"), "{text}");
        assert!(text.contains(&format!("explanations.rs:{line}:")), "{text}");
    });
}

/// Groutines answer too, so they are among the steps: each set where its block stands among the patches.
#[test]
fn groutines_that_listen_stand_between_the_patches_around_their_block() {
    let set = Groutines::new().named("answer", || async {
        price::called().await.with(|call| call.ret(7))
    });
    let inner = Groutines::new()
        .named("returned", || async {
            let _ = price::returned().await;
        })
        .named("deaf", || async {
            let _ = quiet::called().await;
        });
    let (outer, within) = (price::after(|_| ()), price::before(|_| ()));
    let deaf = Groutines::new().named("deaf", || async {
        let _ = quiet::called().await;
    });
    outer.run(|| {
        set.run(|| {
            deaf.run(|| {
                within.run(|| {
                    inner.run(|| {
                        assert_eq!(
                            lines(&price::explain()),
                            [
                                "1. groutines of a block around us: returned",
                                "2. the patch `before` of HERE, of a block around us, 0 hits",
                                "3. groutines of a block around us: answer",
                                "4. the patch `after` of HERE, of a block around us, 0 hits",
                                "5. the function itself",
                            ]
                        );
                        assert_eq!(price(1), 7);
                        // Both have heard what they waited for.
                        let steps = price::explain();
                        let is_set = |step: &call::ExplainedStep| {
                            matches!(step.what(), What::Groutines { .. })
                        };
                        assert!(!steps.steps().iter().any(is_set), "{steps}");
                    });
                });
            });
        });
    });
}

#[test]
fn groutines_that_wait_for_some_calls_only_say_so() {
    let shop = Shop(0);
    let set = Groutines::new()
        .named("of bytes", || async {
            let _ = show::called::<u8>().await;
        })
        .named("open", {
            let at = call::Addr::of(&shop);
            move || async move {
                let _ = shop::is_open::called().on(at).await;
            }
        });
    set.run(|| {
        let (other, same) = (show::explain::<u16>(), show::explain::<u8>());
        assert_eq!(other.steps()[0].passed_by(), Some(&Why::OtherTypes));
        assert!(same.steps()[0].runs());
        assert_eq!(same.steps().len(), 2);
        let explanation = shop::is_open::explain();
        assert_eq!(explanation.steps()[0].passed_by(), Some(&Why::OneObject));
    });
}
