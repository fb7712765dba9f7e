//! From what a client sent to what we mean.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::http::Status;

/// The fields of a form as they came.
pub type Form = BTreeMap<String, String>;

/// The fields of a form as they are meant.
pub type Values = BTreeMap<&'static str, String>;

/// A field of a form.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// How many characters it has at most.
    pub longest: usize,
}

/// What a snippet is made of.
pub const FIELDS: &[Field] = &[
    Field {
        name: "title",
        longest: 100,
    },
    Field {
        name: "code",
        longest: 100_000,
    },
];

impl Field {
    /// Moves this field from the form into the values, if it is right.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn field_from_native(&self, form: &Form, into: &mut Values) -> Result<(), String> {
        let text = form.get(self.name).map(|text| text.trim());
        match text {
            None | Some("") => Err("is required".to_owned()),
            Some(text) if text.chars().count() > self.longest => {
                Err(format!("has at most {} characters", self.longest))
            }
            Some(text) => {
                into.insert(self.name, text.to_owned());
                Ok(())
            }
        }
    }
}

/// All fields, or what is wrong with each.
pub(super) fn values(form: &Form) -> Result<Values, Fault> {
    let mut values = Values::new();
    let mut errors = Map::new();
    for field in FIELDS {
        if let Err(why) = field.field_from_native(form, &mut values) {
            errors.insert(field.name.to_owned(), Value::String(why));
        }
    }
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(Fault::Refused(Status::BAD_REQUEST, Value::Object(errors)))
    }
}
