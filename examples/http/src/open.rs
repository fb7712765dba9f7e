//! The steps of a request that others may listen to, replace, or watch: `view::dispatch::called()`, and so on.

pub use crate::http::response::response;
pub use crate::views::serializer::field;
pub use crate::views::view::view;
