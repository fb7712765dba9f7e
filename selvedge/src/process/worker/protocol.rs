//! The lines that go to a worker and come from it: one JSON object each.
//!
//! # Invariants
//!
//! 1. A line that is written has no line end inside, and `id` first: JSON escapes line ends, and a reader that
//!    understands nothing else of a line finds the call that it was about.

use core::fmt::Write;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::process::worker::level::LogLevel;
use crate::process::worker::lines::{HEAD, shown};

/// The version of the protocol, in the configuration and in the answer to it.
pub(super) const VERSION: u32 = 1;

/// How many bytes a line may have, unless something else is said: 64 MiB.
pub const LONGEST_LINE: usize = 64 << 20;

/// The first line to a worker.
#[derive(Serialize, Deserialize)]
pub(super) struct Configuration {
    pub(super) config: Config,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Config {
    pub(super) version: u32,
    pub(super) name: String,
    pub(super) max_line: usize,
    /// How many calls run at once; `None` leaves it to the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<usize>,
    /// What of its log it sends; `None` is [`LogLevel::Info`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_level: Option<LogLevel>,
    #[serde(default)]
    pub(super) user: Option<Box<RawValue>>,
}

/// A line from a worker.
#[derive(Deserialize)]
pub(super) struct FromWorker<'l> {
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) out: Option<&'l RawValue>,
    #[serde(default)]
    pub(super) err: Option<Failure>,
    #[serde(default)]
    pub(super) log: Option<LogRecord>,
    /// Of the first line alone.
    #[serde(default)]
    pub(super) version: Option<u32>,
}

/// A line to a worker, as a worker reads it.
#[derive(Default, Deserialize)]
pub(super) struct ToWorker {
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(default)]
    pub(super) call: Option<String>,
    #[serde(default)]
    pub(super) args: Option<Box<RawValue>>,
    #[serde(default)]
    pub(super) kwargs: Option<Box<RawValue>>,
    #[serde(default)]
    pub(super) context: Option<std::collections::BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) cancel: Option<u64>,
    #[serde(default)]
    pub(super) stop: Option<bool>,
}

/// A line from a server that says what failed.
#[derive(Serialize)]
pub(super) struct FromServer<'f> {
    pub(super) id: Option<u64>,
    pub(super) err: &'f Failure,
}

/// A line from a server that says what was logged.
#[derive(Serialize)]
pub(super) struct LogFromServer<'l> {
    pub(super) log: Logged<'l>,
}

#[derive(Serialize)]
pub(super) struct Logged<'l> {
    pub(super) level: LogLevel,
    pub(super) logger: &'l str,
    pub(super) message: &'l str,
}

/// What a function of the worker raised or returned as an error.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Failure {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) traceback: String,
}

impl Failure {
    /// A line of the worker was about a call, and said nothing that can be understood.
    pub(super) fn malformed(error: &serde_json::Error, line: &[u8]) -> Self {
        Self {
            kind: "MalformedAnswer".to_owned(),
            message: format!("{error}: `{}`", shown(line)),
            traceback: String::new(),
        }
    }
}

/// What a worker has logged.
#[derive(Debug, Deserialize)]
pub(super) struct LogRecord {
    #[serde(default)]
    pub(super) level: String,
    #[serde(default)]
    pub(super) logger: String,
    #[serde(default)]
    pub(super) message: String,
}

/// `null` is a value as any other.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

/// The line of a call, and its number.
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) line: String,
}

impl Request {
    /// `args` and `kwargs` are JSON.
    pub(super) fn call(
        id: u64,
        name: &str,
        args: Option<&str>,
        kwargs: Option<&str>,
        context: &[(&'static str, String)],
    ) -> Self {
        let mut text = String::with_capacity(64 + name.len() + args.map_or(0, str::len));
        let _ = write!(text, "{{\"id\":{id},\"call\":");
        quote(name, &mut text);
        for (key, value) in [(",\"args\":", args), (",\"kwargs\":", kwargs)] {
            if let Some(value) = value {
                text.push_str(key);
                text.push_str(value);
            }
        }
        for (i, (key, value)) in context.iter().enumerate() {
            let open = if i == 0 { ",\"context\":{" } else { "," };
            let _ = write!(text, "{open}\"{key}\":");
            quote(value, &mut text);
        }
        if !context.is_empty() {
            text.push('}');
        }
        text.push_str("}\n");
        Self { id, line: text }
    }
}

/// The line that ends a call nobody waits for any more.
pub(super) fn cancel(id: u64) -> String {
    format!("{{\"cancel\":{id}}}\n")
}

/// The line that asks a worker to end.
pub(super) const STOP: &str = "{\"stop\":true}\n";

/// Does it stand for itself in a text?
fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')
}

fn quote(text: &str, into: &mut String) {
    if text.bytes().all(is_plain) {
        into.extend(["\"", text, "\""]);
        return;
    }
    // A text always has a JSON form.
    into.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Reads a line. What is no object is refused: serde would read a list as the fields in their order.
pub(super) fn read<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Result<T, serde_json::Error> {
    match line.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice(line),
        _ => Err(serde::de::Error::custom("a message is a JSON object")),
    }
}

/// An answer as nearly all are, without a search for its fields; `None`: look for them.
pub(super) fn usual_answer(line: &[u8]) -> Option<(u64, &RawValue)> {
    let (id, rest) = id_first(line)?;
    let (out, rest) = value_first(rest.strip_prefix(b",\"out\":")?)?;
    (rest == b"}").then_some((id, out))
}

/// The same for a call with positional arguments, or without any.
pub(super) fn usual_call(line: &[u8]) -> Option<ToWorker> {
    let (id, rest) = id_first(line)?;
    let rest = rest.strip_prefix(b",\"call\":\"")?;
    let end = rest.iter().position(|b| !is_plain(*b))?;
    let call = str::from_utf8(&rest[..end]).ok()?;
    let rest = rest[end..].strip_prefix(b"\"")?;
    let (args, rest) = match rest.strip_prefix(b",\"args\":") {
        Some(rest) => value_first(rest).map(|(args, rest)| (Some(args.to_owned()), rest))?,
        None => (None, rest),
    };
    (rest == b"}").then(|| ToWorker {
        id: Some(id),
        call: Some(call.to_owned()),
        args,
        ..ToWorker::default()
    })
}

/// The number at the beginning of an object, and what follows.
fn id_first(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"{\"id\":")?;
    let end = rest.iter().position(|b| !b.is_ascii_digit())?;
    let (digits, rest) = rest.split_at(end);
    if digits.is_empty() || (digits[0] == b'0' && digits.len() > 1) {
        return None; // no number in JSON
    }
    let id = digits.iter().try_fold(0_u64, |id, digit| {
        id.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some((id, rest))
}

/// The value at the beginning, and what follows.
fn value_first(text: &[u8]) -> Option<(&RawValue, &[u8])> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter();
    let value = values.next()?.ok()?;
    Some((value, &text[values.byte_offset()..]))
}

/// The number of the call that a line is about, as far as it can be seen; for lines that cannot be read whole.
pub(super) fn id_of(line: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(&line[..line.len().min(HEAD)]);
    let text = text.unwrap_or_else(|error| {
        core::str::from_utf8(&line[..error.valid_up_to()]).unwrap_or_default()
    });
    let mut text = text.trim_start();
    for expected in ["{", "\"id\"", ":"] {
        text = text.strip_prefix(expected)?.trim_start();
    }
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FromWorker, RawValue, Request, ToWorker, id_of, read, usual_answer, usual_call};

    proptest! {
        #[test]
        fn a_request_is_one_line_and_reads_back(name in "\\PC{0,20}[\n\"\\\\]?", id in any::<u64>()) {
            let context = [("baggage", "a=\"1\"\n".to_owned())];
            let line = Request::call(id, &name, Some("[1]"), None, &context).line;
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert_eq!(id_of(line.as_bytes()), Some(id));
            let read: ToWorker = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read.id, Some(id));
            prop_assert_eq!(read.call.unwrap(), name);
            prop_assert_eq!(&read.context.unwrap()["baggage"], "a=\"1\"\n");
        }
    }

    #[test]
    fn usual_lines_are_read_as_by_their_fields_or_left_to_that() {
        for line in [
            "{\"id\":7,\"out\":3}",
            "{\"id\":0,\"out\":[1, {\"a\":\"}\"}]}",
            "{\"id\":7,\"out\":null}",
            "{\"id\":7,\"out\":\"\\u0000\\\"é\"}",
            "{\"id\":7,\"out\": -1.5e3 }",
        ] {
            let by_fields: FromWorker<'_> = read(line.as_bytes()).unwrap();
            let out = by_fields.out.map(RawValue::get);
            let usual = usual_answer(line.as_bytes()).map(|(id, out)| (Some(id), Some(out.get())));
            assert!(
                usual == Some((by_fields.id, out)) || line.ends_with(" }"),
                "{line}"
            );
        }
        for line in [
            "{\"id\":7,\"out\":3,\"log\":{}}",
            "{\"id\":7,\"out\":3}}",
            "{\"id\":7,\"out\":}",
            "{\"id\":7,\"out\":nul}",
            "{\"id\":07,\"out\":3}",
            "{\"id\":99999999999999999999,\"out\":3}",
            "{\"id\":,\"out\":3}",
            "{\"id\":7,\"out\":3",
            "{\"id\":7,\"err\":{}}",
        ] {
            assert!(usual_answer(line.as_bytes()).is_none(), "{line}");
        }
        let invalid = b"{\"id\":7,\"out\":\"\xff\"}";
        assert!(usual_answer(invalid).is_none());
    }

    #[test]
    fn a_usual_call_is_what_is_written_without_names_and_context() {
        for (name, args) in [
            ("add", Some("[1,\"]\"]")),
            ("a.b_c-D", None),
            ("f", Some("[]")),
        ] {
            let line = Request::call(7, name, args, None, &[]).line;
            let asked = usual_call(line.trim_end().as_bytes()).unwrap();
            assert_eq!((asked.id, asked.call.as_deref()), (Some(7), Some(name)));
            assert_eq!(asked.args.as_deref().map(RawValue::get), args);
        }
        for (name, kwargs, context) in [
            ("f", Some("{}"), &[][..]),
            ("f", None, &[("baggage", "a=1".to_owned())][..]),
            ("f\"g", None, &[][..]),
        ] {
            let line = Request::call(7, name, Some("[1]"), kwargs, context).line;
            assert!(usual_call(line.trim_end().as_bytes()).is_none(), "{line}");
        }
        assert!(usual_call(b"{\"id\":7,\"call\":\"f\",\"args\":[1]").is_none());
        assert!(usual_call(b"{\"id\":7,\"call\":\"f").is_none());
    }

    #[test]
    fn the_number_of_a_broken_line_is_found_or_not() {
        for (line, id) in [
            (&b"{\"id\":7,\"out\":"[..], Some(7)),
            (b" { \"id\" : 12 , nonsense \xff", Some(12)),
            (b"{\"id\":7", None), // perhaps 77
            (b"{\"out\":1,\"id\":7}", None),
            (b"{\"id\":-1,", None),
            (b"", None),
        ] {
            assert_eq!(id_of(line), id, "{}", String::from_utf8_lossy(line));
        }
    }
}
