//! What clients send: commands kept as the bytes they came in, because a key is held to them.

use crate::command::IfMatch;
use crate::idempotency::parse_key;
use crate::kernel::{Code, FaultCode, Refusal, json};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The most commands of one batch.
pub const COMMANDS_MAX: usize = 1_000;

/// The most characters of a client's name for a command.
const CLIENT_ID_MAX: usize = 255;

/// Many commands, run in their order; each has an answer of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"commands": [
    {"client_id": "a-1", "idempotency_key": "town-0001", "command": "post_receipt",
     "body": {"store_code": "QN-TOWN", "source": {"kind": "supplier"},
              "lines": [{"item_code": "M02", "lot_number": "20260101A",
                         "expires_on": "2028-01-01", "quantity": 400}]}},
    {"client_id": "a-2", "idempotency_key": "town-0002", "command": "post_issue",
     "body": {"store_code": "QN-TOWN", "purpose": "consumption",
              "lines": [{"item_code": "M02", "lot_number": "20260101A", "quantity": 100}]}},
    {"client_id": "a-3", "idempotency_key": "town-0003", "command": "reverse_issue",
     "target_client_id": "a-2", "body": {"reason_code": "entered_twice"}}
]}))]
pub struct BatchRequest {
    /// At most 1000 commands.
    #[schema(value_type = Vec<BatchCommand>)]
    pub commands: Vec<Box<RawValue>>,
}

/// One command of a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchCommand {
    /// The client's name for it, unique in the batch; the answer carries it.
    #[schema(example = "a-1")]
    pub client_id: String,
    /// Unique for the intended effect. The same key with the same body has the same effect whether
    /// it is sent alone or in a batch, and only once.
    #[schema(example = "town-0001")]
    pub idempotency_key: String,
    /// The `operationId` of the operation that takes the same body when it is sent alone.
    #[schema(example = "post_receipt")]
    pub command: String,
    /// The id or number of what it acts on, where the operation's path has one; a signing is
    /// written `dispatch/receipt`, a maker's lot by its id or as its label names it: `M02:20260101A`.
    #[serde(default)]
    pub target: Option<String>,
    /// Instead of `target`: the command of this batch that made what it acts on.
    #[serde(default)]
    pub target_client_id: Option<String>,
    /// The `ETag` that was read, or `*`; for actions on documents.
    #[serde(default)]
    #[schema(example = "\"v1\"")]
    pub if_match: Option<String>,
    /// What the operation takes; nothing counts as `{}`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub body: Option<Box<RawValue>>,
}

/// What a command acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nothing that stands there already.
    Nothing,
    /// This id or number.
    Named(String),
    /// What another command of the batch made.
    MadeBy(String),
}

/// A command that can be told from others, before its word and its body are looked at.
#[derive(Debug)]
pub struct Addressed {
    /// The client's name for it.
    pub client_id: String,
    /// Its key.
    pub key: String,
    /// Its word.
    pub word: String,
    /// What it acts on.
    pub target: Target,
    /// The version that the client believes to be current.
    pub if_match: Option<IfMatch>,
    /// What it says, as it came.
    pub body: Option<Box<RawValue>>,
}

impl BatchRequest {
    /// Requires one to [`COMMANDS_MAX`] commands.
    ///
    /// # Errors
    /// `validation_failed` when there are fewer or more.
    pub fn check_count(&self) -> Result<(), Refusal> {
        match self.commands.len() {
            0 => Err(Refusal::fault("/commands", FaultCode::TooShort)),
            count if count > COMMANDS_MAX => Err(Refusal::fault("/commands", FaultCode::TooLong)),
            _ => Ok(()),
        }
    }
}

/// The client's name for a command whose shape may be wrong otherwise.
pub fn client_id_of(command: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        client_id: String,
    }
    serde_json::from_str::<Named>(command.get()).ok().map(|named| named.client_id)
}

impl Addressed {
    /// Reads what tells a command from others.
    ///
    /// # Errors
    /// `malformed_request` for a wrong shape, `validation_failed` for an empty name or two targets,
    /// `idempotency_key_missing` for a key that is none.
    pub fn read(command: &RawValue) -> Result<Self, Refusal> {
        let given: BatchCommand = json::read_shape(command.get().as_bytes())?;
        if given.client_id.is_empty() || given.client_id.chars().count() > CLIENT_ID_MAX {
            return Err(Refusal::fault("/client_id", FaultCode::InvalidFormat));
        }
        let key = parse_key(&given.idempotency_key).ok_or_else(|| {
            Refusal::plain(Code::IdempotencyKeyMissing)
                .at("/idempotency_key", FaultCode::InvalidFormat)
        })?;
        let target = match (given.target, given.target_client_id) {
            (None, None) => Target::Nothing,
            (Some(name), None) => Target::Named(name),
            (None, Some(client_id)) => Target::MadeBy(client_id),
            (Some(_), Some(_)) => {
                return Err(Refusal::fault("/target_client_id", FaultCode::Contradicts));
            }
        };
        Ok(Self {
            client_id: given.client_id,
            key,
            word: given.command,
            target,
            if_match: given.if_match.as_deref().map(IfMatch::parse),
            body: given.body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Addressed, Refusal> {
        Addressed::read(&RawValue::from_string(text.to_owned()).unwrap())
    }

    #[test]
    fn a_command_keeps_its_body_byte_for_byte() {
        let read = read(
            r#"{"client_id":"a","idempotency_key":"k","command":"post_issue","body":{ "b" : 1 }}"#,
        )
        .unwrap();
        assert_eq!(read.body.unwrap().get(), r#"{ "b" : 1 }"#);
        assert_eq!(read.target, Target::Nothing);
    }

    #[test]
    fn what_is_wrong_with_a_command_is_told_with_its_place() {
        for (text, pointer) in [
            (r#"{"idempotency_key":"k","command":"x"}"#, "/client_id"),
            (r#"{"client_id":"","idempotency_key":"k","command":"x"}"#, "/client_id"),
            (r#"{"client_id":"a","idempotency_key":"","command":"x"}"#, "/idempotency_key"),
            (r#"{"client_id":"a","idempotency_key":"k","command":7}"#, "/command"),
            (
                r#"{"client_id":"a","idempotency_key":"k","command":"x","target":"t","target_client_id":"b"}"#,
                "/target_client_id",
            ),
        ] {
            let refusal = read(text).unwrap_err();
            let pointers: Vec<&str> = refusal.faults.iter().map(|f| f.pointer.as_str()).collect();
            assert!(
                pointers == [pointer] || (pointer == "/client_id" && pointers == [""]),
                "{text}: {pointers:?}"
            );
        }
    }
}
