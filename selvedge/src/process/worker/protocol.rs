//! The lines that go to a worker and come from it: one JSON object each.
//!
//! # Invariants
//!
//! 1. A line that is written has no line end inside, and `id` first: texts escape them, [`keep_to_one_line`] takes the
//!    others out, and a reader that understands nothing else of a line finds the call that it was about.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::process::worker::error::What;
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
pub(super) struct ToWorker<'l> {
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(default)]
    pub(super) call: Option<Cow<'l, str>>,
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
    /// One without a traceback.
    pub(super) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            message: message.into(),
            traceback: String::new(),
        }
    }

    /// A line of the worker was about a call, and said nothing that can be understood.
    pub(super) fn malformed(error: &serde_json::Error, line: &[u8]) -> Self {
        Self::new("MalformedAnswer", format!("{error}: `{}`", shown(line)))
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
    pub(super) line: Vec<u8>,
}

impl Request {
    /// A map instead of positional arguments is named ones; what is nothing is left out.
    ///
    /// # Errors
    ///
    /// [`What`] is wrong with the arguments.
    pub(super) fn call(
        id: u64,
        name: &str,
        args: &impl Serialize,
        kwargs: Option<&impl Serialize>,
        context: &[(&'static str, String)],
    ) -> Result<Self, What> {
        let mut line = Vec::with_capacity(CALL);
        line.extend_from_slice(b"{\"id\":");
        json(&id, &mut line)?;
        line.extend_from_slice(b",\"call\":");
        quote(name, &mut line)?;
        let begin = line.len();
        match field(ARGS, args, &mut line)? {
            b'[' | b'n' => {}
            b'{' if kwargs.is_none() => {
                _ = line.splice(begin..begin + ARGS.len(), KWARGS.iter().copied());
            }
            _ => return Err(What::scalar(&line[begin + ARGS.len()..])),
        }
        let begin = line.len();
        if let Some(kwargs) = kwargs
            && !matches!(field(KWARGS, kwargs, &mut line)?, b'{' | b'n')
        {
            return Err(What::scalar(&line[begin + KWARGS.len()..]));
        }
        for (i, (key, value)) in context.iter().enumerate() {
            line.extend_from_slice(if i == 0 { b",\"context\":{" } else { b"," });
            quote(key, &mut line)?;
            line.push(b':');
            quote(value, &mut line)?;
        }
        if !context.is_empty() {
            line.push(b'}');
        }
        line.extend_from_slice(b"}\n");
        Ok(Self { id, line })
    }
}

/// How many bytes there is room for in a call, to begin with.
const CALL: usize = 128;
const ARGS: &[u8] = b",\"args\":";
const KWARGS: &[u8] = b",\"kwargs\":";

/// A field, unless it is `null`; what its value begins with.
fn field(key: &[u8], value: &impl Serialize, into: &mut Vec<u8>) -> Result<u8, What> {
    let begin = into.len();
    into.extend_from_slice(key);
    let at = into.len();
    json(value, into)?;
    keep_to_one_line(&mut into[at..]);
    let first = into[at];
    if first == b'n' {
        into.truncate(begin);
    }
    Ok(first)
}

/// JSON that the user brings as it is may have line ends, between its parts: there any space will do.
pub(super) fn keep_to_one_line(json: &mut [u8]) {
    if json.contains(&b'\n') {
        json.iter_mut()
            .filter(|b| **b == b'\n')
            .for_each(|b| *b = b' ');
    }
}

fn json(value: &impl Serialize, into: &mut Vec<u8>) -> Result<(), What> {
    serde_json::to_writer(into, value).map_err(What::Json)
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

fn quote(text: &str, into: &mut Vec<u8>) -> Result<(), What> {
    if !text.bytes().all(is_plain) {
        return json(&text, into);
    }
    into.push(b'"');
    into.extend_from_slice(text.as_bytes());
    into.push(b'"');
    Ok(())
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
pub(super) fn usual_call(line: &[u8]) -> Option<ToWorker<'_>> {
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
        call: Some(Cow::Borrowed(call)),
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
    use serde_json::{Value, json};

    use super::{
        FromWorker, RawValue, Request, ToWorker, What, id_of, read, usual_answer, usual_call,
    };

    proptest! {
        #[test]
        fn a_request_is_one_line_and_reads_back(name in "\\PC{0,20}[\n\"\\\\]?", id in any::<u64>()) {
            let context = [("baggage", "a=\"1\"\n".to_owned())];
            let line = Request::call(id, &name, &[1], None::<&()>, &context).unwrap().line;
            prop_assert_eq!(line.iter().position(|b| *b == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(id_of(&line), Some(id));
            let read: ToWorker<'_> = serde_json::from_slice(&line).unwrap();
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

    /// The line of a call, without its end.
    fn line(
        name: &str,
        args: Value,
        kwargs: Option<Value>,
        context: &[(&'static str, String)],
    ) -> String {
        let line = Request::call(7, name, &args, kwargs.as_ref(), context)
            .unwrap()
            .line;
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    #[test]
    fn a_usual_call_is_what_is_written_without_names_and_context() {
        for (name, args, written) in [
            ("add", json!([1, "]"]), Some("[1,\"]\"]")),
            ("a.b_c-D", json!(null), None),
            ("f", json!([]), Some("[]")),
        ] {
            let line = line(name, args, None, &[]);
            let asked = usual_call(line.as_bytes()).unwrap();
            assert_eq!((asked.id, asked.call.as_deref()), (Some(7), Some(name)));
            assert_eq!(asked.args.as_deref().map(RawValue::get), written);
        }
        for (name, kwargs, context) in [
            ("f", Some(json!({})), &[][..]),
            ("f", None, &[("baggage", "a=1".to_owned())][..]),
            ("f\"g", None, &[][..]),
        ] {
            let line = line(name, json!([1]), kwargs, context);
            assert!(usual_call(line.as_bytes()).is_none(), "{line}");
        }
        assert!(usual_call(b"{\"id\":7,\"call\":\"f\",\"args\":[1]").is_none());
        assert!(usual_call(b"{\"id\":7,\"call\":\"f").is_none());
    }

    #[test]
    fn arguments_are_a_list_or_a_map_or_nothing() {
        let start = "{\"id\":7,\"call\":\"f\"";
        for (args, kwargs, rest) in [
            (json!([1]), None, ",\"args\":[1]}"),
            (json!({"a": 1}), None, ",\"kwargs\":{\"a\":1}}"),
            (json!(null), None, "}"),
            (json!(null), Some(json!(null)), "}"),
            (
                json!(null),
                Some(json!({"a": [2]})),
                ",\"kwargs\":{\"a\":[2]}}",
            ),
            (json!([1]), Some(json!({})), ",\"args\":[1],\"kwargs\":{}}"),
        ] {
            assert_eq!(line("f", args, kwargs, &[]), format!("{start}{rest}"));
        }
        let long = json!("é".repeat(100));
        for (args, kwargs, begins) in [
            (json!(17), None, "17"),
            (json!("[]"), None, "\"[]\""),
            (json!({}), Some(json!({})), "{}"),
            (json!([1]), Some(json!([2])), "[2]"),
            (long, None, &format!("\"{}", "é".repeat(59))),
        ] {
            let refused = Request::call(7, "f", &args, kwargs.as_ref(), &[]);
            let Err(What::Scalar(text)) = refused else {
                panic!("{args} and {kwargs:?} were taken");
            };
            assert_eq!(text, begins);
        }
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
