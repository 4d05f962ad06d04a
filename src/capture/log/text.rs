//! Values of JSON as text, whatever they are: one log writes a port as a number, another as a string
//! (`azure-firewall.md §8.3`).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

/// A string, number or boolean as text; nothing for null, an array or an object.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Text<'a>(pub(super) Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, unless there is none or only spaces.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The text as a number or whatever else it is to be.
    pub(super) fn parse<T: FromStr>(&self) -> Option<T> {
        self.get()?.parse().ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text<'a>, D::Error> {
        from.deserialize_any(AnyText)
    }
}

struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_bool<E>(self, holds: bool) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Borrowed(if holds { "true" } else { "false" }))))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Text<'de>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

/// A field of a record, by its name in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    name: &'static str,
    pub(super) text: Option<&'a str>,
}

impl<'a> Field<'a> {
    pub(super) const fn new(name: &'static str, text: Option<&'a str>) -> Field<'a> {
        Field { name, text }
    }

    /// This field, or the other where this one is not there.
    pub(super) fn or(self, other: Field<'a>) -> Field<'a> {
        if self.text.is_some() { self } else { other }
    }

    /// What `parse` makes of it; `None` where it is not there.
    ///
    /// # Errors
    /// That it cannot be read.
    pub(super) fn read<T>(self, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, String> {
        let Some(text) = self.text else { return Ok(None) };
        let unreadable = || format!("its `{}` `{text}` cannot be read", self.name);
        parse(text).map(Some).ok_or_else(unreadable)
    }

    /// The number that it is; `None` where it is not there.
    ///
    /// # Errors
    /// That it is none.
    pub(super) fn number<T: FromStr>(self) -> Result<Option<T>, String> {
        self.read(|text| text.parse().ok())
    }

    /// What `parse` makes of it, where every record has it.
    ///
    /// # Errors
    /// That it cannot be read, or is not there.
    pub(super) fn needed<T>(self, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        self.read(parse)?.ok_or_else(|| self.lacks())
    }

    /// What is wrong with a record that does not have it.
    pub(super) fn lacks(self) -> String {
        format!("it lacks `{}`", self.name)
    }
}

/// What is wrong with the JSON of a record that begins at `line`.
pub(super) fn fault(error: &serde_json::Error, line: u64) -> String {
    let text = error.to_string();
    let (line_in_record, column) = (error.line(), error.column());
    let place = format!(" at line {line_in_record} column {column}");
    let what = text.strip_suffix(&place).unwrap_or(&text);
    // Its own lines count from its first one.
    match u64::try_from(line_in_record) {
        Ok(behind @ 2..) => format!("{what} (line {}, column {column})", line + behind - 1),
        Ok(_) | Err(_) => format!("{what} (at its byte {column})"),
    }
}

/// The items of an array that hold anything, so that empty ones, of which there can be millions,
/// take no memory.
#[derive(Clone, Debug)]
pub(super) struct Several<T>(pub(super) Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Several<T> {
        Several(Vec::new())
    }
}

/// What may hold nothing.
pub(super) trait Holds {
    /// Whether it holds anything.
    fn holds(&self) -> bool;
}

impl<T> Holds for Several<T> {
    fn holds(&self) -> bool {
        !self.0.is_empty()
    }
}

impl<'de, T: Deserialize<'de> + Holds> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Several<T>, D::Error> {
        from.deserialize_seq(Items(std::marker::PhantomData))
    }
}

struct Items<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de> + Holds> Visitor<'de> for Items<T> {
    type Value = Several<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Several<T>, A::Error> {
        let mut held = Vec::new();
        while let Some(item) = items.next_element::<T>()? {
            if item.holds() {
                held.push(item);
            }
        }
        Ok(Several(held))
    }
}
