//! etcd's services and messages as tables, built once from the descriptors that the build embeds.
//!
//! prost-reflect parses the descriptors. What the conversion needs for each field of each message (its JSON
//! name, its kind, whether zero is omitted) is looked up in these tables without going through it again.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind as Described, MessageDescriptor, Value};

/// A file descriptor set, written by `build.rs`.
pub(super) static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/etcd.bin"));

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("the build embeds valid descriptors");
    Schema::read(&pool)
});

/// The paths of etcd's JSON gateway, and the messages of their methods.
#[derive(Debug, Default)]
pub(super) struct Schema {
    messages: Vec<Message>,
    methods: HashMap<String, Method>,
}

/// An RPC of etcd.
#[derive(Clone, Debug)]
pub(super) struct Method {
    /// Its path in gRPC, such as `/etcdserverpb.KV/Range`.
    pub(super) path: String,
    /// The request message.
    pub(super) input: MessageId,
    /// The response message.
    pub(super) output: MessageId,
    /// The client may send several requests.
    pub(super) client_streaming: bool,
    /// etcd may send several responses.
    pub(super) server_streaming: bool,
}

/// A message, by its index in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageId(usize);

/// A message's fields.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// As in the protos, with the package.
    pub(super) name: String,
    fields: Vec<Field>,
    /// Indexes in `fields` by field number: etcd's numbers are small.
    by_number: Vec<Option<usize>>,
    /// Indexes in `fields` by name, both as in the protos and in JSON's camel case.
    by_name: HashMap<String, usize>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// Its index among the message's fields.
    pub(super) index: usize,
    pub(super) number: u32,
    /// As in the protos: etcd's JSON responses use this name.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
    /// The index of the message's oneof that it belongs to.
    pub(super) oneof: Option<usize>,
}

/// The type of a field.
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

/// An enum's names and numbers.
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
        let index = self.by_number.get(number as usize).copied().flatten()?;
        Some(&self.fields[index])
    }

    /// By either exact name: `range_end` or `rangeEnd`.
    pub(super) fn by_name(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|index| &self.fields[*index])
    }
}

impl MessageId {
    pub(super) fn get(self) -> &'static Message {
        &SCHEMA.messages[self.0]
    }
}

/// The method of a path such as `/v3/kv/range`.
pub(super) fn method(path: &str) -> Option<&'static Method> {
    SCHEMA.methods.get(path)
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
                let method = Method {
                    path: format!("/{}/{}", service.full_name(), method.name()),
                    input,
                    output,
                    client_streaming: method.is_client_streaming(),
                    server_streaming: method.is_server_streaming(),
                };
                for path in paths(&rule) {
                    schema.methods.insert(path, method.clone());
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
        // Registered before its fields are read: messages can be recursive, as transactions are.
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
        assert!(fields.len() <= 64, "a u64 holds one bit for each field");
        let largest = fields.iter().map(|field| field.number).max();
        message.by_number = vec![None; largest.map_or(0, |largest| largest as usize + 1)];
        for (index, (field, described)) in fields.iter().zip(described.fields()).enumerate() {
            message.by_number[field.number as usize] = Some(index);
            message
                .by_name
                .insert(described.json_name().to_owned(), index);
            message.by_name.insert(field.name.clone(), index);
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
            // The tests read every message, so this cannot reach a user.
            other => panic!("{}: unsupported type {other:?}", described.full_name()),
        };
        assert!(!described.is_map(), "maps are unsupported: etcd has none");
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

/// The paths of a `google.api.http` rule. etcd uses only POST.
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
        "the body is the whole message"
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
