//! The records of a file, in every form that exports have.

use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::RecordsError;
use crate::cli::paint::plain;
use crate::domain::limits::RECORDS_FILE_BYTES;

/// One record as it stands in its file.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) file: String,
    /// Its number in the file, from 0.
    pub(super) index: u64,
    pub(super) json: Box<RawValue>,
}

#[derive(Deserialize)]
struct Wrapped {
    records: Vec<Box<RawValue>>,
}

/// The records of a file, whichever of the forms it has. JSON Lines are read one by one.
pub(super) fn records(
    reader: impl Read,
    file: &str,
) -> impl Iterator<Item = Result<Raw, RecordsError>> {
    let mut index = 0;
    let values = serde_json::Deserializer::from_reader(reader).into_iter::<Box<RawValue>>();
    let mut failed = false;
    values
        .map_while(move |value| {
            if failed {
                return None;
            }
            let opened = value.map_err(|error| not_records(file, &error)).and_then(|value| {
                unwrap(value)
                    .map_err(|what| RecordsError::NotRecords { file: file.to_owned(), what })
            });
            failed = opened.is_err();
            Some(opened)
        })
        .flat_map(move |opened| match opened {
            Ok(records) => records.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
        .map(move |json| {
            let raw = Raw { file: file.to_owned(), index, json: json? };
            index += 1;
            Ok(raw)
        })
}

fn not_records(file: &str, error: &serde_json::Error) -> RecordsError {
    let what = if error.is_eof() {
        format!("it ends within JSON, or is larger than {} MiB", RECORDS_FILE_BYTES >> 20)
    } else {
        error.to_string()
    };
    RecordsError::NotRecords { file: file.to_owned(), what }
}

/// One value of a file as records: itself, its items, or those in its field `records`.
fn unwrap(value: Box<RawValue>) -> Result<Vec<Box<RawValue>>, String> {
    let told = |error: serde_json::Error| error.to_string();
    match value.get().bytes().next() {
        Some(b'[') => serde_json::from_str(value.get()).map_err(told),
        Some(b'{') => match serde_json::from_str::<Wrapped>(value.get()) {
            Ok(wrapped) => Ok(wrapped.records),
            // An object without the field, or with something else in it, is a record, and the service
            // says what is wrong with it.
            Err(_) => Ok(vec![value]),
        },
        _ => {
            let start: String = value.get().chars().take(20).collect();
            Err(format!("`{}` is neither an object nor an array", plain(&start)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(u64, String)>, String> {
        records(text.as_bytes(), "f.json")
            .map(|record| record.map(|raw| (raw.index, raw.json.get().to_owned())))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_of_file_is_the_same_records() {
        let two = vec![(0, r#"{"id":1}"#.to_owned()), (1, r#"{"id":2}"#.to_owned())];
        for text in [
            r#"[{"id":1},{"id":2}]"#,
            r#"{"records": [ {"id":1}, {"id":2} ]}"#,
            "{\"id\":1}\n{\"id\":2}\n",
            "{\"id\":1}\r\n\n  {\"id\":2}",
            "{\"records\":[{\"id\":1}]}\n[{\"id\":2}]\n",
        ] {
            assert_eq!(read(text).unwrap(), two, "{text}");
        }
        assert_eq!(read(r#"{"id":1}"#).unwrap().len(), 1);
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("[]").unwrap(), []);
    }

    #[test]
    fn what_is_no_record_is_named_with_its_place() {
        for (text, part) in [
            ("{\"id\":1}\n{\"id\":", "f.json does not hold records: it ends within JSON"),
            ("{\"id\":1}\n{id:2}\n", "line 2 column 2"),
            ("id,content\n", "line 1 column 1"),
            ("17", "`17` is neither an object nor an array"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(part), "{text}: {told}");
        }
    }
}
