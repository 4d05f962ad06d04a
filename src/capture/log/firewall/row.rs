//! A row of a firewall's log, by its columns.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;

use crate::capture::log::text::Field;
use crate::capture::log::text::Text;

/// A column that is read (`azure-firewall.md §8.2`), or a part of what is around it (§8.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture::log) enum Column {
    Time,
    Category,
    Type,
    Message,
    Protocol,
    SourceIp,
    SourcePort,
    DestinationIp,
    DestinationPort,
    Fqdn,
    TargetUrl,
    Action,
    ActionReason,
    Policy,
    Group,
    Collection,
    Rule,
    IsTlsInspected,
    TranslatedIp,
    TranslatedPort,
    ThreatDescription,
    SignatureId,
    Description,
    QueryName,
    QueryType,
    ResponseCode,
    Flag,
    FlowRate,
}

/// How many columns there are.
const COLUMNS: usize = Column::FlowRate as usize + 1;

/// The names of columns. Of several names of one, the first is the one that messages have.
const NAMES: [(&str, Column); 35] = [
    ("time", Column::Time),
    ("TimeGenerated", Column::Time),
    ("Category", Column::Category),
    ("Type", Column::Type),
    ("TableName", Column::Type),
    ("$table", Column::Type),
    ("msg", Column::Message),
    ("msg_s", Column::Message),
    ("Protocol", Column::Protocol),
    ("SourceIp", Column::SourceIp),
    ("SourcePort", Column::SourcePort),
    ("DestinationIp", Column::DestinationIp),
    ("DestinationPort", Column::DestinationPort),
    ("Fqdn", Column::Fqdn),
    ("TargetUrl", Column::TargetUrl),
    ("Action", Column::Action),
    ("ActionReason", Column::ActionReason),
    ("Policy", Column::Policy),
    ("RuleCollectionGroup", Column::Group),
    ("RuleCollection", Column::Collection),
    ("Rule", Column::Rule),
    ("IsTlsInspected", Column::IsTlsInspected),
    ("TranslatedIp", Column::TranslatedIp),
    ("TranslatedPort", Column::TranslatedPort),
    ("ThreatDescription", Column::ThreatDescription),
    ("SignatureId", Column::SignatureId),
    ("Description", Column::Description),
    ("QueryName", Column::QueryName),
    ("QueryType", Column::QueryType),
    ("ResponseCode", Column::ResponseCode),
    ("Flag", Column::Flag),
    ("FlowRate", Column::FlowRate),
    ("timestamp", Column::Time),
    ("Url", Column::TargetUrl),
    ("PrimaryResult", Column::Type),
];

impl Column {
    /// The column of this name, in any case; portals write the time zone behind that of the time. Times
    /// of another zone than UTC, which they do not name, are no times.
    pub(in crate::capture::log) fn named(name: &str) -> Option<Column> {
        let name = name.trim();
        let (name, zone) = name.split_once(" [").unwrap_or((name, "UTC]"));
        if !zone.eq_ignore_ascii_case("UTC]") {
            return None;
        }
        let found = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, column)| *column)
    }

    /// A name of this column.
    fn name(self) -> &'static str {
        NAMES.iter().find(|(_, column)| *column == self).map_or("", |(name, _)| name)
    }
}

/// A row.
#[derive(Clone, Debug, Default)]
pub(in crate::capture::log) struct Row<'a> {
    values: [Option<Cow<'a, str>>; COLUMNS],
}

impl<'a> Row<'a> {
    /// What stands in a column, unless it is empty.
    pub(in crate::capture::log) fn get(&self, column: Column) -> Option<&str> {
        let value = self.values.get(column as usize)?.as_deref()?.trim();
        // Azure's command line writes `None` where there is nothing.
        Some(value).filter(|value| !value.is_empty() && *value != "None")
    }

    /// A column with what stands in it.
    pub(super) fn field(&self, column: Column) -> Field<'_> {
        Field::new(column.name(), self.get(column))
    }

    /// Puts a value in a column.
    pub(in crate::capture::log) fn set(&mut self, column: Column, value: Cow<'a, str>) {
        if let Some(place) = self.values.get_mut(column as usize) {
            *place = Some(value);
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Row<'a>, D::Error> {
        from.deserialize_map(Entries { is_outermost: true })
    }
}

/// Reads an object; its `properties` are columns, too.
struct Entries {
    is_outermost: bool,
}

impl<'de> serde::de::DeserializeSeed<'de> for Entries {
    type Value = Row<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Row<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Row<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of a log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Row<'de>, A::Error> {
        let mut row = Row::default();
        while let Some(key) = entries.next_key::<Text<'de>>()? {
            let key = key.get().unwrap_or_default();
            if self.is_outermost && key == "properties" {
                let inner: Row<'de> = entries.next_value_seed(Entries { is_outermost: false })?;
                // That of a signature is no kind of row.
                let category = row.values.get_mut(Column::Category as usize).and_then(Option::take);
                for (place, value) in row.values.iter_mut().zip(inner.values) {
                    if value.is_some() {
                        *place = value;
                    }
                }
                if let Some(category) = category {
                    row.set(Column::Category, category);
                }
            } else if let Some(column) = Column::named(key) {
                let Text(value) = entries.next_value()?;
                if let Some(value) = value {
                    row.set(column, value);
                }
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(row)
    }

    /// Some exports have the properties as a text of JSON.
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Row<'de>, E> {
        let mut row = Row::default();
        let inner: Row<'_> = serde_json::from_str(text).map_err(E::custom)?;
        for (place, value) in row.values.iter_mut().zip(inner.values) {
            *place = value.map(|value| Cow::Owned(value.into_owned()));
        }
        Ok(row)
    }
}
