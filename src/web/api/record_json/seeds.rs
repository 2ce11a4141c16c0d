//! The readers of a record's parts.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::trail::{Members, Trail};
use crate::domain::levels::{Level, Levels, SentimentShift, UnknownWord};
use crate::domain::limits::{RECORD_MESSAGES, RECORD_METADATA, RECORD_TEXTS, RECORDS_A_CALL};
use crate::domain::record::{Author, Message, MetadataValue, Record};
use crate::domain::time::{BadTime, parse_rfc3339};

/// A seed is a reader that knows the trail. `null` is refused, unless it is read as [`Nullable`].
macro_rules! seed {
    ($(#[$doc:meta])* $name:ident -> $value:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $name<'t>(pub(super) &'t Trail);

        impl<'de> DeserializeSeed<'de> for $name<'_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<$value, D::Error> {
                reader.deserialize_any(self)
            }
        }
    };
}

seed!(/// `{"records": […]}`, the records not yet read.
    Call -> Vec<&'de RawValue>);
seed!(/// One record, not yet checked.
    One -> Record);
seed!(LevelsSeed -> Levels);
seed!(Texts -> Vec<String>);
seed!(Metadata -> BTreeMap<String, MetadataValue>);
seed!(MetadataOne -> MetadataValue);
seed!(Messages -> Vec<Message>);
seed!(MessageOne -> Message);

impl<'de> Visitor<'de> for Call<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object {\"records\": […]}")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::new(map, self.0, &["records"]);
        let mut records = None;
        while let Some(name) = members.next()? {
            records = Some(members.seed(name, Raws)?);
        }
        members.required("records", records)
    }
}

/// The records as they stand, each already known to be JSON.
struct Raws;

impl<'de> DeserializeSeed<'de> for Raws {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Raws {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(raw) = items.next_element::<&RawValue>()? {
            if records.len() == RECORDS_A_CALL {
                return Err(A::Error::custom(format_args!(
                    "has more than {RECORDS_A_CALL} records: send the others in another call"
                )));
            }
            records.push(raw);
        }
        Ok(records)
    }
}

const RECORD: &[&str] = &[
    "id",
    "org_id",
    "content",
    "source",
    "created_at",
    "source_url",
    "type",
    "channel",
    "segment",
    "product_area",
    "tags",
    "metadata",
    "conversation_id",
    "messages",
    "levels",
];

impl<'de> Visitor<'de> for One<'_> {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Record, A::Error> {
        let trail = self.0;
        let mut members = Members::new(map, trail, RECORD);
        let (mut id, mut org_id, mut content, mut source) = (None, None, None, None);
        let mut record = Record {
            id: String::new(),
            org_id: String::new(),
            content: String::new(),
            source: String::new(),
            created_at: None,
            source_url: None,
            kind: None,
            channel: None,
            segment: None,
            product_area: None,
            tags: Vec::new(),
            metadata: BTreeMap::new(),
            conversation_id: None,
            messages: Vec::new(),
            levels: None,
        };
        while let Some(name) = members.next()? {
            match name {
                "id" => id = Some(members.value(name)?),
                "org_id" => org_id = Some(members.value(name)?),
                "content" => content = Some(members.value(name)?),
                "source" => source = Some(members.value(name)?),
                "created_at" => record.created_at = time(&mut members, name)?,
                "source_url" => record.source_url = members.value(name)?,
                "type" => record.kind = members.value(name)?,
                "channel" => record.channel = members.value(name)?,
                "segment" => record.segment = members.value(name)?,
                "product_area" => record.product_area = members.value(name)?,
                "tags" => record.tags = or_none(&mut members, name, Texts(trail))?,
                "metadata" => record.metadata = or_none(&mut members, name, Metadata(trail))?,
                "conversation_id" => record.conversation_id = members.value(name)?,
                "messages" => record.messages = or_none(&mut members, name, Messages(trail))?,
                _ => record.levels = members.seed(name, Nullable(LevelsSeed(trail)))?,
            }
        }
        record.id = members.required("id", id)?;
        record.org_id = members.required("org_id", org_id)?;
        record.content = members.required("content", content)?;
        record.source = members.required("source", source)?;
        Ok(record)
    }
}

/// A list or an object that may be `null` instead of empty.
fn or_none<'de, A: MapAccess<'de>, S: DeserializeSeed<'de, Value: Default>>(
    members: &mut Members<'_, A>,
    name: &'static str,
    seed: S,
) -> Result<S::Value, A::Error> {
    members.seed(name, Nullable(seed)).map(Option::unwrap_or_default)
}

fn time<'de, A: MapAccess<'de>>(
    members: &mut Members<'_, A>,
    name: &'static str,
) -> Result<Option<jiff::Timestamp>, A::Error> {
    let Some(text) = members.value::<Option<String>>(name)? else { return Ok(None) };
    parse_rfc3339(&text).map(Some).or_else(|error: BadTime| members.refuse(name, error))
}

impl<'de> Visitor<'de> for LevelsSeed<'_> {
    type Value = Levels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Levels, A::Error> {
        const KNOWN: &[&str] =
            &["escalation_level", "emotional_intensity_level", "sentiment_shift"];
        let mut members = Members::new(map, self.0, KNOWN);
        let (mut escalation, mut intensity, mut shift) = (None, None, None);
        while let Some(name) = members.next()? {
            let word: Option<String> = members.value(name)?;
            let Some(word) = word else { continue };
            let read: Result<(), UnknownWord> = match name {
                "escalation_level" => word.parse().map(|it: Level| escalation = Some(it)),
                "emotional_intensity_level" => word.parse().map(|it: Level| intensity = Some(it)),
                _ => word.parse().map(|it: SentimentShift| shift = Some(it)),
            };
            read.or_else(|unknown| members.refuse(name, unknown))?;
        }
        Ok(Levels {
            escalation: members.required("escalation_level", escalation)?,
            emotional_intensity: members.required("emotional_intensity_level", intensity)?,
            sentiment_shift: shift,
        })
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        loop {
            let next = items.next_element().map_err(|error| self.0.inside(&texts.len(), error))?;
            let Some(text) = next else { return Ok(texts) };
            full(texts.len(), RECORD_TEXTS)?;
            texts.push(text);
        }
    }
}

impl<'de> Visitor<'de> for Metadata<'_> {
    type Value = BTreeMap<String, MetadataValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut metadata = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            full(metadata.len(), RECORD_METADATA)?;
            if metadata.contains_key(&name) {
                return Err(self.0.refuse(&name, "is given twice"));
            }
            let value = map
                .next_value_seed(Nullable(MetadataOne(self.0)))
                .map_err(|error| self.0.inside(&name, error))?;
            metadata.insert(name, value);
        }
        Ok(metadata.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }
}

impl<'de> Visitor<'de> for MetadataOne<'_> {
    type Value = MetadataValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true, false or a list of texts")
    }

    fn visit_bool<E>(self, value: bool) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Bool(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "JSON has one kind of number, and so have we")]
    fn visit_i64<E>(self, value: i64) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "JSON has one kind of number, and so have we")]
    fn visit_u64<E>(self, value: u64) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<MetadataValue, E> {
        if value.is_finite() {
            Ok(MetadataValue::Number(value))
        } else {
            Err(E::custom("number out of range"))
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<MetadataValue, E> {
        Ok(MetadataValue::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<MetadataValue, A::Error> {
        Texts(self.0).visit_seq(items).map(MetadataValue::Texts)
    }
}

impl<'de> Visitor<'de> for Messages<'_> {
    type Value = Vec<Message>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Message>, A::Error> {
        let mut messages = Vec::new();
        loop {
            let next = items
                .next_element_seed(MessageOne(self.0))
                .map_err(|error| self.0.inside(&messages.len(), error))?;
            let Some(message) = next else { return Ok(messages) };
            full(messages.len(), RECORD_MESSAGES)?;
            messages.push(message);
        }
    }
}

impl<'de> Visitor<'de> for MessageOne<'_> {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Message, A::Error> {
        let mut members = Members::new(map, self.0, &["author", "text", "at"]);
        let (mut author, mut text, mut at) = (None, None, None);
        while let Some(name) = members.next()? {
            match name {
                "author" => match members.value::<String>(name)?.as_str() {
                    "customer" => author = Some(Author::Customer),
                    "agent" => author = Some(Author::Agent),
                    _ => return members.refuse(name, "must be one of customer, agent"),
                },
                "text" => text = Some(members.value(name)?),
                _ => at = time(&mut members, name)?,
            }
        }
        Ok(Message {
            author: members.required("author", author)?,
            text: members.required("text", text)?,
            at,
        })
    }
}

/// Stops before a list grows past its bound, so that what is refused is not held first.
fn full<E: Error>(count: usize, most: usize) -> Result<(), E> {
    if count < most {
        return Ok(());
    }
    Err(E::custom(format_args!("has too many items: {most} are the most")))
}

/// `null` is as good as absent: many senders write every field.
pub(super) struct Nullable<S>(pub(super) S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(reader).map(Some)
    }
}
