//! Contexts travel by their names.

use crate::{
    ALSO_PLUGIN, APP, ODD, PLUGIN, QUIET, SITE, WRITTEN, heard, here, passed_on, received,
};

#[test]
fn contexts_go_by_name_outermost_first_and_all_of_a_name_are_entered() {
    let sent = APP.run(|| PLUGIN.run(|| ODD.run(here)));
    assert_eq!(
        sent,
        "selvedge-contexts=app:plugin-work:a%20name%253A%20100%2525%20%C3%A9"
    );
    received(&sent).run(|| {
        assert!(APP.is_active() && PLUGIN.is_active() && ALSO_PLUGIN.is_active());
        assert!(ODD.is_active());
        assert!(!APP.is_active_in_process());
        assert_eq!(here(), sent);
        let left = PLUGIN.without(|| ALSO_PLUGIN.without(here));
        assert_eq!(
            left,
            "selvedge-contexts=app:a%20name%253A%20100%2525%20%C3%A9"
        );
        let one_left = PLUGIN.without(here);
        assert_eq!(
            one_left, sent,
            "the other context of that name is still entered"
        );
    });
    // Somebody on the way took the coding away and put it on again, as little of it as is needed.
    let recoded = "selvedge-contexts=a%20name%253A%20100%2525%20%c3%A9";
    assert!(received(recoded).run(|| ODD.is_active()));
}

/// A name is all that travels: the resources are to be given by the program that is entered.
#[test]
fn a_context_with_resources_goes_by_its_name() {
    let sent = SITE.enter().title("Warp".to_owned()).run(here);
    assert_eq!(sent, "selvedge-contexts=site");
    received(&sent).run(|| {
        assert!(SITE.is_active() && !SITE.title.is_bound());
        let own = SITE.overlay().title("Weft".to_owned());
        assert_eq!(own.run(|| (SITE.title.is_bound(), here())), (true, sent));
    });
}

#[test]
fn contexts_that_nobody_has_travel_on_beside_those_that_are_entered_here() {
    let text = "x=1,selvedge-contexts=app:elsewhere;p,selvedge-process-contexts=batch,y=2";
    assert_eq!(passed_on(text), text);
    received(text).run(|| {
        assert!(APP.is_active());
        let deeper = PLUGIN.run(here);
        assert_eq!(
            deeper,
            "x=1,selvedge-contexts=app:elsewhere:plugin-work,selvedge-process-contexts=batch,y=2"
        );
        let out = APP.without(here);
        assert_eq!(
            out,
            "x=1,selvedge-contexts=elsewhere,selvedge-process-contexts=batch,y=2"
        );
    });
    let gone = received("selvedge-contexts=app,y=2").run(|| APP.without(here));
    assert_eq!(gone, "y=2");
    assert_eq!(passed_on("selvedge-contexts=::"), "selvedge-contexts=::");
}

/// What is made is entered later, by whoever runs it.
#[test]
fn nobody_hears_of_contexts_while_an_ambient_is_made() {
    let text = "selvedge-contexts=app:plugin-work:site:quiet-check";
    let (ambient, told) = heard("quiet-check", || received(text));
    assert!(ambient.run(|| QUIET.is_active() && PLUGIN.is_active()));
    assert_eq!(told, [""; 0]);
    let ((), told) = heard("quiet-check", || ambient.run(|| QUIET.run(|| ())));
    assert_eq!(told.len(), 2, "{told:?}"); // the ear works
}

#[test]
fn a_received_context_that_isolates_does_so_for_its_ambient() {
    let first = received("selvedge-contexts=plugin-work");
    let second = received("selvedge-contexts=plugin-work");
    first.run(|| WRITTEN.update(|it| it.push(1)));
    assert_eq!(first.run(|| WRITTEN.get().len()), 1);
    assert_eq!(second.run(|| WRITTEN.get().len()), 0);
    assert_eq!(WRITTEN.get().len(), 0);
}
