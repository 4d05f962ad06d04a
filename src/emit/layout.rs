//! JSON laid out for people and for differences: a member or element a line, short lists of plain
//! values on one.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::EmitError;

/// The longest line on which a list of plain values is kept whole, in bytes.
const MAX_LINE: usize = 100;

/// `document` as indented JSON, ended by a line feed; keys keep their order.
pub(super) fn write(document: &impl Serialize) -> Result<String, EmitError> {
    let value = serde_json::to_value(document)?;
    let mut text = String::new();
    lay_out(&value, 0, 0, &mut text);
    text.push('\n');
    Ok(text)
}

/// Writes `value`, which begins `column` bytes into a line that is indented by `indent`.
fn lay_out(value: &Value, indent: usize, column: usize, text: &mut String) {
    match value {
        Value::Array(elements) if elements.iter().all(is_plain) => {
            let line = on_one_line(elements);
            // The comma behind it counts too.
            if column + line.len() < MAX_LINE {
                text.push_str(&line);
            } else {
                block(text, indent, '[', ']', elements, |element, text| plain(element, text));
            }
        }
        Value::Array(elements) => {
            block(text, indent, '[', ']', elements, |element, text| {
                lay_out(element, indent + 2, indent + 2, text);
            });
        }
        Value::Object(members) if members.is_empty() => text.push_str("{}"),
        Value::Object(members) => {
            block(text, indent, '{', '}', members, |(key, member), text| {
                let before = text.len();
                plain(&Value::String(key.clone()), text);
                text.push_str(": ");
                let column = indent + 2 + (text.len() - before);
                lay_out(member, indent + 2, column, text);
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => plain(value, text),
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn plain(value: &Value, text: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{value}");
}

fn on_one_line(elements: &[Value]) -> String {
    let texts: Vec<String> = elements.iter().map(Value::to_string).collect();
    format!("[{}]", texts.join(", "))
}

/// Writes each of `parts` on a line of its own.
fn block<T>(
    text: &mut String,
    indent: usize,
    open: char,
    close: char,
    parts: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    text.push(open);
    let mut is_first = true;
    for part in parts {
        text.push_str(if is_first { "\n" } else { ",\n" });
        text.extend(std::iter::repeat_n(' ', indent + 2));
        write(part, text);
        is_first = false;
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', indent));
    text.push(close);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write;

    #[test]
    fn short_lists_of_plain_values_stay_on_a_line() {
        let long: Vec<u32> = (0..40).collect();
        let document = json!({"a": [1, "x"], "b": [{"c": []}], "d": {}, "e": long});
        let text = write(&document).unwrap();
        assert!(text.starts_with("{\n  \"a\": [1, \"x\"],\n  \"b\": [\n    {\n      \"c\": []\n    }\n  ],\n  \"d\": {},\n  \"e\": [\n    0,\n"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
    }
}
