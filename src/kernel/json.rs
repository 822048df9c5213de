//! Reading what clients send: JSON of a known shape, with the place where its shape is wrong.

use crate::kernel::{Bilingual, Code, Fault, FaultCode, Faults, Refusal};
use serde::de::DeserializeOwned;

/// Reads a value of a known shape; nothing at all counts as `{}`, which many actions allow.
///
/// # Errors
/// `malformed_request`, pointing at the first field of the wrong shape; `validation_failed`
/// naming every text with a NUL in it.
pub fn read<B: DeserializeOwned>(bytes: &[u8]) -> Result<B, Refusal> {
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    let value = read_shape(bytes)?;
    refuse_nul(bytes)?;
    Ok(value)
}

/// Reads a value of a known shape, whatever its texts hold.
///
/// # Errors
/// `malformed_request`, pointing at the first field of the wrong shape.
pub fn read_shape<B: DeserializeOwned>(bytes: &[u8]) -> Result<B, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| shape_refusal(&error))?;
    reader.end().map_err(|error| {
        let reason = error.to_string();
        Refusal::new(
            Code::MalformedRequest,
            format!("JSON 之后还有内容：{reason}"),
            format!("There is more after the JSON value: {reason}"),
        )
    })?;
    Ok(value)
}

/// A NUL is refused at the door: PostgreSQL keeps none in a text, and SQLite would.
fn refuse_nul(bytes: &[u8]) -> Result<(), Refusal> {
    const ESCAPED: &[u8] = b"\\u0000";
    if !bytes.windows(ESCAPED.len()).any(|window| window == ESCAPED) {
        return Ok(());
    }
    let mut faults = Faults::new();
    let value = serde_json::from_slice(bytes).unwrap_or(serde_json::Value::Null);
    find_nul(&value, "", &mut faults);
    faults.check()
}

fn find_nul(value: &serde_json::Value, pointer: &str, faults: &mut Faults) {
    use serde_json::Value;
    match value {
        Value::String(text) if text.contains('\0') => {
            faults.add(pointer, FaultCode::InvalidFormat);
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                find_nul(value, &format!("{pointer}/{index}"), faults);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                find_nul(value, &format!("{pointer}/{name}"), faults);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn shape_refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let reason = error.inner().to_string();
    let refusal = Refusal::new(
        Code::MalformedRequest,
        format!("请求体无法读取：{reason}"),
        format!("The body cannot be read: {reason}"),
    );
    if error.inner().is_syntax() || error.inner().is_eof() {
        return refusal;
    }
    let code = if reason.starts_with("unknown field") {
        FaultCode::UnknownField
    } else if reason.starts_with("missing field") {
        FaultCode::Required
    } else if reason.starts_with("unknown variant") {
        FaultCode::NotInList
    } else {
        FaultCode::WrongType
    };
    let mut refusal = refusal;
    let message = Bilingual::new(refusal.detail.zh.clone(), refusal.detail.en.clone());
    refusal.faults.push(Fault { pointer: pointer_of(error.path()), code, message });
    refusal
}

/// The path of a field as a JSON pointer (RFC 6901).
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}
