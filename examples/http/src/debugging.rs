//! Groutines for the time of a request: what one listens to, and answers, while looking for an error.
//!
//! The server, its views and its serializer know nothing of them. [`Server::listeners`](crate::server::Server::listeners)
//! starts a list of them for each request, before it is dispatched, and kills them when it has its response, also
//! after a panic. They hear the calls of their own request, and of no other.

use selvedge::call::{Addr, Groutines};
use selvedge::{event, groutine};

use crate::http::{Request, Status};
use crate::log::note;
use crate::open::{field, response, view};
use crate::views::View;

/// A request has come to its view.
#[event]
pub fn DISPATCH(view: &View, request: &Request) -> Option<()>;

/// Tells the others that a view begins.
#[groutine]
pub async fn start_view() {
    let mut call = view::dispatch::called().await;
    call.with(|call| DISPATCH(&call.args.this, call.args.request));
}

/// Whoever it is may do it.
#[groutine]
pub async fn check_permissions() {
    view::check_permissions::called().await.ret(true);
}

/// What is saved belongs to vitalii.
#[groutine]
pub async fn fill_user() {
    let view = DISPATCH::called()
        .await
        .with(|event| Addr::of(event.args.view));
    let mut call = view::pre_save::called().on(view).await;
    call.with(|call| call.args.snippet.owner = "vitalii".to_owned());
}

/// A response that is no success is a panic where it was made: that shows how it came about.
#[groutine(loop)]
pub async fn make_responses_raise() {
    let mut call = response::new::called().await;
    call.with(|call| {
        let Status(code) = *call.args.status;
        assert!(code / 100 == 2, "{}", *call.args.data);
    });
}

/// Says of each field what became of it.
#[groutine(loop)]
pub async fn print_field_names() {
    let mut returned = field::field_from_native::returned().await;
    returned.with(|returned| {
        let name = returned.args.this.name;
        let value = returned.args.into.get(name).map_or("----", String::as_str);
        note(format_args!("{name} -> {value}"));
    });
}

/// A request that is let in, and saved as vitalii's.
pub fn as_vitalii() -> Groutines {
    Groutines::new()
        .with(start_view)
        .with(check_permissions)
        .with(fill_user)
}
