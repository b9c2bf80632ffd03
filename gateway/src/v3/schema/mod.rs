//! etcd's services and messages as tables, made once from the descriptions that the build embeds.
//!
//! prost-reflect reads them; what is asked for each field of each message (its name in JSON, its
//! kind, whether zero is left out) is looked up here without going through it again.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind as Described, MessageDescriptor, Value};

/// A file descriptor set, written by `build.rs`.
pub(super) static DESCRIBED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/etcd.bin"));

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(DESCRIBED).expect("the build embeds what it compiled");
    Schema::read(&pool)
});

/// Everything that etcd's JSON gateway serves.
#[derive(Debug, Default)]
pub(super) struct Schema {
    messages: Vec<Message>,
    bindings: HashMap<String, Method>,
}

/// One call of etcd.
#[derive(Clone, Debug)]
pub(super) struct Method {
    /// Its path in gRPC, such as `/etcdserverpb.KV/Range`.
    pub(super) path: String,
    /// What is asked.
    pub(super) input: MessageId,
    /// What is answered.
    pub(super) output: MessageId,
    /// Several questions may be asked.
    pub(super) asks_many: bool,
    /// Several answers may come.
    pub(super) answers_many: bool,
}

/// A message, by its place in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageId(usize);

/// A message's fields.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// As in the protos, with its package.
    pub(super) name: String,
    fields: Vec<Field>,
    /// Places in `fields`, by number: etcd's are small.
    by_number: Vec<Option<usize>>,
    /// Places in `fields`, by the name in the protos and the one that JSON usually has.
    by_name: HashMap<String, usize>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// Its place among the fields.
    pub(super) index: usize,
    pub(super) number: u32,
    /// As in the protos: so does etcd answer.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
    /// Which of the message's alternatives it belongs to.
    pub(super) oneof: Option<usize>,
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Kind {
    Bool,
    Int32,
    Uint32,
    Int64,
    Uint64,
    String,
    Bytes,
    Enum(Enum),
    Message(MessageId),
}

/// Names of numbers.
#[derive(Debug)]
pub(super) struct Enum {
    names: HashMap<i32, String>,
    numbers: HashMap<String, i32>,
}

impl Enum {
    pub(super) fn name(&self, number: i32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<i32> {
        self.numbers.get(name).copied()
    }
}

impl Message {
    pub(super) fn by_number(&self, number: u32) -> Option<&Field> {
        let at = self.by_number.get(number as usize).copied().flatten()?;
        Some(&self.fields[at])
    }

    /// By either name, exactly: `range_end` or `rangeEnd`.
    pub(super) fn by_name(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|at| &self.fields[*at])
    }
}

impl MessageId {
    pub(super) fn get(self) -> &'static Message {
        &SCHEMA.messages[self.0]
    }
}

/// The call behind a path such as `/v3/kv/range`.
pub(super) fn method(path: &str) -> Option<&'static Method> {
    SCHEMA.bindings.get(path)
}

impl Schema {
    fn read(pool: &DescriptorPool) -> Self {
        let http = pool
            .get_extension_by_name("google.api.http")
            .expect("the protos import the option");
        let mut schema = Self::default();
        let mut known = HashMap::new();
        for service in pool.services() {
            for method in service.methods() {
                let options = method.options();
                if !options.has_extension(&http) {
                    continue;
                }
                let rule = options.get_extension(&http);
                let input = schema.message(&method.input(), &mut known);
                let output = schema.message(&method.output(), &mut known);
                let call = Method {
                    path: format!("/{}/{}", service.full_name(), method.name()),
                    input,
                    output,
                    asks_many: method.is_client_streaming(),
                    answers_many: method.is_server_streaming(),
                };
                for path in paths(&rule) {
                    schema.bindings.insert(path, call.clone());
                }
            }
        }
        schema
    }

    fn message(
        &mut self,
        described: &MessageDescriptor,
        known: &mut HashMap<String, MessageId>,
    ) -> MessageId {
        if let Some(id) = known.get(described.full_name()) {
            return *id;
        }
        // Known before its fields are read: a transaction holds transactions.
        let id = MessageId(self.messages.len());
        known.insert(described.full_name().to_owned(), id);
        self.messages.push(Message {
            name: described.full_name().to_owned(),
            ..Message::default()
        });
        let fields: Vec<Field> = described
            .fields()
            .enumerate()
            .map(|(index, field)| self.field(index, &field, known))
            .collect();
        let message = &mut self.messages[id.0];
        assert!(
            fields.len() <= 64,
            "fields are counted in the bits of one number"
        );
        let largest = fields.iter().map(|field| field.number).max();
        message.by_number = vec![None; largest.map_or(0, |largest| largest as usize + 1)];
        for (at, (field, described)) in fields.iter().zip(described.fields()).enumerate() {
            message.by_number[field.number as usize] = Some(at);
            message.by_name.insert(described.json_name().to_owned(), at);
            message.by_name.insert(field.name.clone(), at);
        }
        message.fields = fields;
        id
    }

    fn field(
        &mut self,
        index: usize,
        described: &FieldDescriptor,
        known: &mut HashMap<String, MessageId>,
    ) -> Field {
        let kind = match described.kind() {
            Described::Bool => Kind::Bool,
            Described::Int32 => Kind::Int32,
            Described::Uint32 => Kind::Uint32,
            Described::Int64 => Kind::Int64,
            Described::Uint64 => Kind::Uint64,
            Described::String => Kind::String,
            Described::Bytes => Kind::Bytes,
            Described::Enum(described) => Kind::Enum(Enum {
                names: described
                    .values()
                    .map(|value| (value.number(), value.name().to_owned()))
                    .collect(),
                numbers: described
                    .values()
                    .map(|value| (value.name().to_owned(), value.number()))
                    .collect(),
            }),
            Described::Message(described) => Kind::Message(self.message(&described, known)),
            // The test below reads every message there is, so this cannot reach a user.
            other => panic!("{}: etcd has no {other:?} so far", described.full_name()),
        };
        assert!(!described.is_map(), "etcd has no maps so far");
        Field {
            index,
            number: described.number(),
            name: described.name().to_owned(),
            kind,
            repeated: described.is_list(),
            oneof: described.containing_oneof().and_then(|oneof| {
                let mut oneofs = described.parent_message().oneofs();
                oneofs.position(|one| one == oneof)
            }),
        }
    }
}

/// The paths of a `google.api.http` rule. etcd has POST alone.
fn paths(rule: &Value) -> Vec<String> {
    let Some(rule) = rule.as_message() else {
        return Vec::new();
    };
    let text = |name: &str| {
        let value = rule.get_field_by_name(name)?;
        value.as_str().map(str::to_owned)
    };
    assert_eq!(
        text("body").as_deref(),
        Some("*"),
        "bodies are whole messages"
    );
    let mut found: Vec<String> = text("post").into_iter().collect();
    if let Some(more) = rule.get_field_by_name("additional_bindings")
        && let Some(more) = more.as_list()
    {
        found.extend(more.iter().flat_map(paths));
    }
    found
}

#[cfg(test)]
mod tests;
